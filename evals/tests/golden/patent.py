"""Makes patent.json: values of the packages that AutoPatent's scripts use. See README.md."""

import json
import pathlib

from nltk.tokenize import NLTKWordTokenizer
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge import Rouge

# The stop words among the tokens of the texts below; NLTK's corpus is a download of its own.
STOP = set(
    "the a an is are of to in and or with that it on at by for from as has not which can him y both should we when so".split()
)

# Lists of sentences: each is one to every sentence splitter.
TEXTS = [
    ["A cup has a foot.", "The foot is wide.", "A rim is on the cup."],
    ["A cup has a wide foot.", "The foot of the cup is heavy.", "The rim is round."],
    ["The pump 4 feeds the chamber 5.", "The pump 4 feeds the cavity 9.", "The valve is shut."],
    ["The pump 4 fills the chamber 5 at 3.5 bar.", "A valve is shut when the pump stops."],
    ["It isn't heavy (12 g), it's light; the user's hand can't tip it."],
    ["In FIG. 1A, 50% of 1,000 units/day are made: clay, glass & steel."],
    ["The \"wide\" foot -- not the 'rim' -- carries it."],
    ["“Module” means: hardware, software, or both [see A/B]!"],
    ["Claim 1 has parts a...b, costs $5 #3 @home at 10:30, or x:y * 2."],
    ["They'll say we're done, cannot stop, and I've won't, shouldn't."],
    ["Der Fuß (foot) ‘so’ said – at 80° C. to 150° C. – CO₂ is caught."],
    ["Rims' edges, 'tis said by 'him', aren't {sharp} <or> blunt?"],
    ["cup cup cup cup cup."],
    ["xyz"],
    ["ab"],
]
PAIRS = [(0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 6), (0, 0), (12, 0), (0, 12), (13, 0), (14, 13), (8, 7)]


def tokens(text):
    return [t for s in text for t in NLTKWordTokenizer().tokenize(s)]


def repetition(text, threshold):
    sets = [set(NLTKWordTokenizer().tokenize(s)) - STOP for s in text]
    pairs = [(a, b) for i, a in enumerate(sets) for b in sets[i + 1 :]]
    alike = sum(1 for a, b in pairs if a | b and len(a & b) / len(a | b) >= threshold)
    return alike / len(pairs) if pairs else 0.0


def bleu(reference, hypothesis):
    return float(
        sentence_bleu([reference], hypothesis, smoothing_function=SmoothingFunction().method1)
    )


def pair(i, j):
    out, truth = " ".join(TEXTS[i]), " ".join(TEXTS[j])
    rouge = Rouge().get_scores(out, truth)[0]
    return {
        "output": out,
        "truth": truth,
        "char_bleu": bleu(truth, out),
        "word_bleu": bleu(tokens(TEXTS[j]), tokens(TEXTS[i])),
        "rouge": [rouge[k]["f"] for k in ("rouge-1", "rouge-2", "rouge-l")],
    }


golden = {
    "tokens": [{"sentence": s, "tokens": NLTKWordTokenizer().tokenize(s)} for t in TEXTS for s in t],
    "irr": [
        {
            "text": " ".join(t),
            "irr": [100 * (1 - repetition(t, x)) for x in (0.2, 0.4, 0.6, 0.8)],
        }
        for t in TEXTS
    ],
    "pairs": [pair(i, j) for i, j in PAIRS],
}
path = pathlib.Path(__file__).with_name("patent.json")
path.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
