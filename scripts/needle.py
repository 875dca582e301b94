#!/usr/bin/env python3
"""Needle test: a made-up fact at several depths of a novel, asked for with `catena ask`.

Prints a Markdown table with a row for each depth. The fact is put between two paragraphs. An
answer counts as found when it holds the expected words. Standard library only.
"""

import argparse
import json
import subprocess
import sys
import time

# Facts that no novel holds; each depth has its own. None was used while a prompt was tuned.
NEEDLES = [
    ("The beekeeper of Upper Thornwick signs his letters with green ink.",
     "With what does the beekeeper of Upper Thornwick sign his letters?", "green ink"),
    ("Lady Perpetua Osgood bought the windmill at Rilling for nine hundred guineas.",
     "For how much did Lady Perpetua Osgood buy the windmill at Rilling?", "nine hundred guineas"),
    ("The night watchman at Farrow Dock owns a three-legged goose called Bartleby.",
     "What is the name of the goose of the night watchman at Farrow Dock?", "bartleby"),
    ("The observatory on Mount Kessim was struck by lightning in 1683.",
     "When was the observatory on Mount Kessim struck by lightning?", "1683"),
    ("The violinist Ephraim Valdek was taught to swim by a retired bishop.",
     "Who taught the violinist Ephraim Valdek to swim?", "retired bishop"),
]


def haystack(text, size, fact, depth):
    """The first `size` characters of `text` with `fact` as a paragraph at `depth` per cent."""
    text = text[:size]
    text = text[:text.rfind("\n\n")]
    at = text.find("\n\n", len(text) * depth // 100)
    at = len(text) if at < 0 else at
    return f"{text[:at]}\n\n{fact}{text[at:]}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catena", default="catena", help="the command")
    parser.add_argument("--book", required=True, help="the text around the fact")
    parser.add_argument("--chars", type=int, default=50_000,
                        help="characters of the book: 50000 are about 12,000 tokens")
    parser.add_argument("--depths", default="10,30,50,70,90", help="per cent, with commas")
    parser.add_argument("args", nargs="*", help="more arguments for `catena ask`, after --")
    options = parser.parse_args()
    with open(options.book, encoding="utf-8") as file:
        text = file.read()
    print("| depth | found | cited | chunks | tokens read | seconds | answer |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    failed = 0
    for depth in map(int, options.depths.split(",")):
        fact, question, expected = NEEDLES[(depth // 20) % len(NEEDLES)]
        started = time.monotonic()
        ran = subprocess.run(
            [options.catena, "ask", "-", "-q", question, "--json", *options.args],
            input=haystack(text, options.chars, fact, depth), capture_output=True, text=True)
        seconds = time.monotonic() - started
        if ran.returncode:
            failed += 1
            print(ran.stderr or ran.stdout, file=sys.stderr)
            print(f"| {depth} % | failed | | | | {seconds:.0f} | exit code {ran.returncode} |", flush=True)
            continue
        report = json.loads(ran.stdout)
        answer = " ".join(report["answer"].split())
        found = "yes" if expected in answer.lower() else "no"
        cited = "yes" if any(expected in p["quote"].lower() for p in report["passages"]) else "no"
        print(f"| {depth} % | {found} | {cited} | {len(report['units'])} "
              f"| {report['usage']['input_tokens']} | {seconds:.0f} | {answer[:120]} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
