"""Programs of Debian without installing them: downloaded, unpacked into a folder, run from there."""

import os
import pathlib
import shutil
import subprocess


class Unavailable(Exception):
    """What is needed cannot be had here; the text says what and why."""


def _run(command, folder=None):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise Unavailable(f"{' '.join(command[:3])}: {lines[-1]}")
    return done.stdout


def _missing_packages(package):
    """The package and those of its dependencies that this machine lacks; what it has is not brought up to date."""
    plan = _run(["apt-get", "install", "-s", "--no-remove", "--no-install-recommends", package])
    # "Inst NAME (NEW VERSION …" is new here, "Inst NAME [OLD VERSION] (NEW VERSION …" is not.
    wanted = [line.split()[1] for line in plan.splitlines()
              if line.startswith("Inst ") and not line.split()[2].startswith("[")]
    return wanted or [package]


def unpack(package, cache):
    """Returns the folder that holds Debian's package and the libraries it lacks here."""
    root = pathlib.Path(cache) / package
    if (root / ".complete").exists():
        return root
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Unavailable(f"{package}: needs apt-get and dpkg")
    shutil.rmtree(root, ignore_errors=True)
    downloads = root / "downloads"
    downloads.mkdir(parents=True)
    _run(["apt-get", "-q", "download", *_missing_packages(package)], downloads)
    for file in sorted(downloads.glob("*.deb")):
        _run(["dpkg", "-x", str(file), str(root)])
    shutil.rmtree(downloads)
    (root / ".complete").touch()
    return root


def environment(root):
    """The environment in which programs under `root` find their libraries."""
    folders = [str(root / "usr/lib/x86_64-linux-gnu"), str(root / "usr/lib"), str(root / "usr/lib/rspamd")]
    folders += [str(p) for p in (root / "usr/lib").glob("*-linux-gnu")]
    # Perl looks here before its own folders.
    perl = [p for pattern in ("usr/share/perl5", "usr/lib/*-linux-gnu/perl5/*") for p in sorted(root.glob(pattern))]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(dict.fromkeys(folders)),
            "PERL5LIB": ":".join(str(p) for p in perl)}


def program(name, package, cache):
    """(path, environment) of a program: the installed one, or Debian's, unpacked."""
    for folder in ("/usr/sbin", "/usr/bin", "/usr/local/sbin"):
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}", dict(os.environ)
    root = unpack(package, cache)
    for folder in ("usr/sbin", "usr/bin"):
        if os.access(root / folder / name, os.X_OK):
            return str(root / folder / name), environment(root)
    raise Unavailable(f"{package}: has no program {name}")
