"""What a site would switch on beside authentication, in as far as the gatepostd at hand knows it."""

import pathlib
import subprocess

from . import rule_set

# Greylisting decides for every message, and after one round of the corpus every triplet has waited enough.
_SETTINGS = {
    "rules": '[rules]\nstart = "wait"\nfiles = ["{folder}/bench.cf"]\n',
    "greylist": '[greylist]\nmode = "all"\ndelay = "1s"\n',
    "quarantine": '[quarantine]\ndirectory = "{folder}/quarantine"\n',
}
ALL = tuple(_SETTINGS)
DESCRIPTIONS = {"rules": "200 content rules", "greylist": "greylisting of all", "quarantine": "a quarantine store"}


def knows(binaries, folder, settings):
    """Whether gatepostd takes a configuration with these lines, and else what it says."""
    file = pathlib.Path(folder) / "asked.toml"
    file.write_text(settings)
    done = subprocess.run([str(pathlib.Path(binaries) / "gatepostd"), "--check", "-c", str(file)],
                          capture_output=True, text=True, timeout=120)
    file.unlink()
    return done.returncode == 0, (done.stdout + done.stderr).strip()


class Features:
    """`on` names those that gatepostd knows; `missing` says why the others are off."""

    def __init__(self, binaries, folder, wanted=ALL):
        self.on, self.missing = [], {}
        self.toml(folder)
        for name in wanted:
            good, said = knows(binaries, folder, _SETTINGS[name].format(folder=folder))
            if good:
                self.on.append(name)
            else:
                self.missing[name] = (said.splitlines() or ["refused"])[0]

    def toml(self, folder, rules=None, but=()):
        """Settings of a daemon whose files are in `folder`, without those named in `but`; writes the rules there."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        rule_set.write(folder / "bench.cf", rules or rule_set.text())
        return "".join(_SETTINGS[name].format(folder=folder) for name in self.on if name not in but)
