"""Content rules for measurements: 200 in SpamAssassin's language, of the shapes that rule files have."""

import pathlib
import random

# Words that the corpus of the shared bench folder uses, so that rules hit as often as in real mail, and
# words that no message has: most rules of a real set do not hit most mail.
_COMMON = """account balance business claim confirm contract customer delivery discount estimate expense free
industry information insurance invoice investment lottery market message minute money newsletter notice number
offer office order password payment prescription price prize product project promotion quota receipt report
response sale security shipping special statement subscription summary transfer unsubscribe update verify""".split()
_RARE = """abracadabra apothecary arbitrage barrister beneficiary blockchain casino cialis collateral consignment
debtfree diploma dividends executor forex guaranteed herbal inheritance jackpot kinsman levitra lonely mastercard
mlm mortgage offshore parcel pharmacy pills remittance replica rolex sweepstake timeshare trustee viagra voucher
webcam winnings""".split()
_FIELDS = ["Subject"] * 9 + ["From", "From:name", "From:addr", "Reply-To", "To", "Received", "Received",
                             "Message-ID", "Content-Type", "X-Mailer", "List-Unsubscribe", "ToCc"]


class _Maker:
    def __init__(self, count, prefix, seed):
        self.random = random.Random(seed)
        self.prefix = prefix
        self.count = count
        self.names, self.lines = [], []

    def word(self):
        return self.random.choice(_COMMON if self.random.random() < 0.5 else _RARE)

    def phrase(self):
        """A body expression, one of the shapes that content rules have."""
        one, two, three = self.word(), self.word(), self.word()
        shape = self.random.randrange(10)
        return [rf"/\b{one} {two}\b/i",
                rf"/\b(?:{one}|{two}|{three})s? (?:now|today|here)\b/i",
                rf"/{one}.{{0,40}}{two}/i",
                rf"/\b{one[:-1]}[{one[-1]}3]\W{{0,3}}{two}/i",
                rf"/(?:your|our|the) {one} (?:has|have|is|was) (?:been )?{two}/i",
                rf"/\b{one}(?:ing|ed|s)?\b.{{1,30}}\b\d{{1,3}}[,.]\d{{3}}\b/i",
                rf"/[\$\xa3] ?\d{{1,3}}(?:,\d{{3}}){{1,3}}.{{0,20}}{one}/i",
                rf"/\b{one}(?! {two})[ \t]+(?:for|of|to) (?:you|free)\b/i",
                rf"/{one.upper()}[ !]{{1,4}}{two.upper()}/",
                rf"/\b{two} \S+ {one}\b/i"][shape]

    def add(self, kind, definition, score=None, describe=""):
        subrule = score is None
        name = ("__" if subrule else "") + f"{self.prefix}{kind.upper()}_{len(self.names) + 1:03}"
        self.names.append(name)
        self.lines.append(f"{kind} {name} {definition}")
        if not subrule:
            self.lines.append(f"describe {name} {describe or f'a {kind} rule of the bench'}")
            self.lines.append(f"score {name} {score}")
        return name

    def score(self):
        return self.random.choice(["0.001", "0.01", "0.02", "0.05"])  # nobody is refused for these

    def header(self):
        if self.random.random() < 0.15:
            self.add("header", f"exists:X-Bench-{self.word().title()}", self.score())
            return
        field = self.random.choice(_FIELDS)
        negated = self.random.random() < 0.1
        one, two = self.word(), self.word()
        pattern = self.random.choice([rf"/\b{one}\b/i", rf"/{one}.{{0,20}}{two}/i", rf"/^{one}/i",
                                      rf"/(?:{one}|{two})\d{{2,}}/", rf"/\b[a-z]{{2}}\d{{4,8}}\.{one}/",
                                      rf"/[{one[0]}{two[0]}]{{3}}\S{{12,}}={one[:2]}/"])
        if negated:
            self.add("header", f"{field} !~ {pattern} [if-unset: {one}]", self.score())
        else:
            self.add("header", f"{field} =~ {pattern}", self.score())

    def rawbody(self):
        one, two = self.word(), self.word()
        self.add("rawbody", self.random.choice([
            rf"/<a [^>]{{0,60}}href=[\"']?http:\/\/[^\"' >]{{0,80}}{one}/i",
            rf"/<font[^>]{{0,40}}(?:size|color)=[\"']?[\#\d]{{1,7}}[^>]{{0,20}}>{two}/i",
            rf"/display: ?none[^>]{{0,40}}>{one}/i",
            rf"/<!--\s{{0,5}}{one}\w{{4,}}/i",
            rf"/\b{one}=[0-9A-F]{{2}}{two}/"]), self.score())

    def meta(self):
        some = [self.add("body", self.phrase()) for _ in range(3)]
        self.add("meta", self.random.choice([
            f"{some[0]} && {some[1]} && !{some[2]}", f"({some[0]} + {some[1]} + {some[2]}) >= 2",
            f"({some[0]} || {some[1]}) && {some[2]}", f"{some[0]} && !({some[1]} || {some[2]})"]), self.score())

    def make(self):
        while len(self.names) < self.count:
            room = self.count - len(self.names)
            kind = self.random.choices(["body", "header", "rawbody", "meta"], [105, 50, 13, 8])[0]
            if kind == "meta" and room >= 4:
                self.meta()
            elif kind == "header":
                self.header()
            elif kind == "rawbody":
                self.rawbody()
            else:
                self.add("body", self.phrase(), self.score())
        return "\n".join(self.lines) + "\n"


def text(count=200, prefix="BENCH_", seed=1):
    """The rules; the same for the same arguments, subrules counted."""
    return _Maker(count, prefix, seed).make()


def generation(number, count=200):
    """Rules whose names begin with G<number>_; seven of them hit every message, at all stages of SMTP."""
    prefix = f"G{number}_"
    always = {"EVERY_CLIENT": "connect {} ip =~ /\\S/", "EVERY_HELO": "helo {} name =~ /\\S/",
              "EVERY_SENDER": "mail {} sender !~ /\\s/", "EVERY_RECIPIENT": "rcpt {} recipient =~ /\\S/",
              "EVERY_HEADER": "header {} From =~ /\\S/", "EVERY_MESSAGE": "full {} /\\S/",
              "EVERY_META": "meta {} " + " && ".join(
                  f"{prefix}EVERY_{word}" for word in ("CLIENT", "HELO", "SENDER", "RECIPIENT", "HEADER", "MESSAGE"))}
    lines = [f"{line.format(prefix + name)}\nscore {prefix}{name} 0.001\n" for name, line in always.items()]
    return "".join(lines) + text(count - len(always), prefix, seed=number)


def write(path, content):
    """Replaces the file in one step: a reload sees one set or the other."""
    path = pathlib.Path(path)
    new = path.with_suffix(".new")
    new.write_text(content)
    new.rename(path)
    return path
