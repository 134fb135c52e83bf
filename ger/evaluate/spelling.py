"""English words that are written in more than one way: British and American spelling, abbreviations.

Rules, not a list: each takes one spelling to the other, and to no other English word.
"""

from __future__ import annotations

import re

__all__ = ["ABBREVIATIONS", "american"]

#: Abbreviations that are read out in full.
ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "dr": "doctor", "prof": "professor", "capt": "captain", "lt": "lieutenant",
    "jr": "junior", "sr": "senior", "inc": "incorporated", "corp": "corporation", "ltd": "limited", "vs": "versus",
    "etc": "etcetera", "dept": "department", "govt": "government", "okay": "ok",
}  # fmt: skip

_WORDS = {
    "grey": "gray", "tyre": "tire", "tyres": "tires", "kerb": "curb", "plough": "plow", "ploughed": "plowed",
    "ploughs": "plows", "ploughing": "plowing", "sceptic": "skeptic", "sceptical": "skeptical",
    "scepticism": "skepticism", "programme": "program", "programmes": "programs", "cheque": "check",
    "cheques": "checks", "jewellery": "jewelry", "aluminium": "aluminum", "moustache": "mustache",
    "moustaches": "mustaches", "pyjamas": "pajamas", "mould": "mold", "moulded": "molded", "moult": "molt",
    "smoulder": "smolder", "smouldering": "smoldering", "draught": "draft", "draughts": "drafts", "gaol": "jail",
    "licence": "license", "practise": "practice", "practised": "practiced", "practising": "practicing",
    "defence": "defense", "offence": "offense", "pretence": "pretense", "defences": "defenses",
    "offences": "offenses", "judgement": "judgment", "acknowledgement": "acknowledgment", "ageing": "aging",
    "fulfil": "fulfill", "fulfilment": "fulfillment", "enrol": "enroll", "enrolment": "enrollment",
    "instalment": "installment", "instalments": "installments", "skilful": "skillful", "skilfully": "skillfully",
    "wilful": "willful", "wilfully": "willfully", "marvellous": "marvelous", "woollen": "woolen", "cosy": "cozy",
    "axe": "ax", "doughnut": "donut", "doughnuts": "donuts", "barbeque": "barbecue", "yoghurt": "yogurt",
    "whiskey": "whisky", "advisor": "adviser", "advisors": "advisers", "alright": "allright", "storey": "story",
    "storeys": "stories", "manoeuvre": "maneuver", "manoeuvres": "maneuvers", "cancelation": "cancellation",
    "sulphur": "sulfur", "artefact": "artifact", "artefacts": "artifacts", "furore": "furor",
    "mediaeval": "medieval", "foetus": "fetus", "goodby": "goodbye", "connexion": "connection", "encyclopaedia":
    "encyclopedia",
}  # fmt: skip

_RULES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        # colour, favourite, behaviourist; not four, hour, mourning
        (
            r"^(\w*[aeiou]\w*[b-df-hj-np-tv-zi])our(?=$|s$|ed$|ing$|ings$|ful|able|ably|it|hood|less|er|ly|y$|ies$|age|al|is)",
            r"\1or",
        ),
        # organise, analysing; not rise, wise, surprise
        (r"^(\w{4,}|\w*[aeiou]\w*[lnrmt])is(e|ed|es|er|ers|ing|ation|ations|ational|ationally|able)$", r"\1iz\2"),
        (r"lys(e|ed|es|er|ers|ing)$", r"lyz\1"),
        # centre, theatres, metred, centring
        (
            r"^(cent|theat|amphitheat|\w*met|lit|fib|calib|lust|spect|meag|somb|sab|louv|mit|och|sepulch)"
            r"r(?:e(s?)|(ed|ing))$",
            r"\1er\2\3",
        ),
        # travelled, signalling, fuelled; not called, filling
        (r"^(\w*[aeiou]\w*[^aeiou]|\w*[^aeiou][iu])([aeo])ll(ed|ing|ings|er|ers|or|ors|ists?|ous|ously)$", r"\1\2l\3"),
        (r"^(catal|dial|anal|monol|prol|epil|traval|ped|demag)ogue(s?)$", r"\1og\2"),
        (r"^(\w*(?:an|h|p|uk))ae(sth|m|d)", r"\1e\2"),
        (r"^(arch|gyn)ae", r"\1e"),
        (r"^o(estr|esoph|edem)", r"\1"),
    ]
]


def american(word: str) -> str:
    """A word in the spelling that stands for all of its spellings, most often the American one.

    What comes out need not be a word: only words that are the same one come out the same.
    """
    if word in _WORDS:
        return _WORDS[word]
    for pattern, replacement in _RULES:
        word = pattern.sub(replacement, word)
    return word
