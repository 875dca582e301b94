#!/usr/bin/env python3
"""Long talk: facts told early in a conversation, and some changed on the way, asked for at its end.

Speaks with `catena chat` through a pipe, in a folder of its own, and prints a Markdown table with a row
for each question. An answer counts when it holds the expected words and none of the wrong ones. Standard
library only.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time

# (turn, message); turns of the second half are moved to the middle of a shorter conversation.
TOLD = [
    (3, "By the way, my parrot is called Quillfeather."),
    (5, "I live in Lisbon, near the river."),
    (8, "I work as a nurse at the children's hospital."),
    (11, "I am allergic to hazelnuts."),
]
CHANGED = [
    "I have moved: I live in Oslo now.",
    "I left the hospital. I work as a beekeeper now.",
]
# (question, words of which one is expected, words that are wrong)
ASKED = [
    ("What is my parrot called?", ["quillfeather"], []),
    ("In which city do I live?", ["oslo"], ["lisbon"]),
    ("In which city did I live before I moved?", ["lisbon"], ["oslo is where you lived"]),
    ("What is my job?", ["beekeep"], ["nurse"]),
    ("What was my job before I became a beekeeper?", ["nurse"], []),
    ("What am I allergic to?", ["hazelnut"], []),
]

SUBJECTS = ["tides", "volcanoes", "the Silk Road", "sourdough", "chess openings", "rainbows", "steam engines",
            "origami", "the Vikings", "coral reefs", "jazz", "glaciers", "beer", "comets", "bridges", "cheese",
            "the Olympic games", "umbrellas", "penguins", "paper", "windmills", "tea", "maps", "mushrooms"]
FORMS = ["Tell me something about {}.", "Why do people like {}?", "What is a good book about {}?",
         "I saw a film about {} yesterday.", "Explain {} to a child.", "My neighbour talks about {} all the time.",
         "Give me a fun fact about {}.", "Where can I learn more about {}?", "Is there a poem about {}?",
         "We had a long talk about {} at dinner.", "How old is the history of {}?", "Name three things about {}."]


def messages(turns):
    """All messages, and the numbers (from 0) of those that ask."""
    chance = random.Random(7)
    small = [form.format(subject) for form in FORMS for subject in SUBJECTS]
    chance.shuffle(small)
    said = [small[turn % len(small)] for turn in range(turns)]
    for turn, message in TOLD:
        said[turn - 1] = message
    for at, message in enumerate(CHANGED):
        said[turns // 2 + 2 * at] = message
    asked = range(turns - len(ASKED), turns)
    for at, (question, _, _) in zip(asked, ASKED):
        said[at] = question
    return said, asked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catena", default="catena", help="the command")
    parser.add_argument("--turns", type=int, default=300, help="at least 24")
    parser.add_argument("--answer-tokens", type=int, default=40, help="the most tokens of an answer")
    parser.add_argument("--keep", metavar="FOLDER", help="keep archive, journal and the bot's answers there")
    parser.add_argument("args", nargs="*", help="more arguments for `catena chat`, after --")
    options = parser.parse_args()
    if options.turns < 24:
        parser.error("a conversation of fewer than 24 turns is none")
    said, asked = messages(options.turns)
    began = time.monotonic()
    answers, most = [], 0
    with contextlib.ExitStack() as places:
        folder = options.keep or places.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        talk = subprocess.Popen(
            [options.catena, "chat", "--memory", f"{folder}/memory.db", "--journal", f"{folder}/runs.db",
             "--answer-tokens", str(options.answer_tokens), "--json", *options.args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number, message in enumerate(said):
            talk.stdin.write(message + "\n")
            talk.stdin.flush()
            line = talk.stdout.readline()
            if not line:
                break
            answers.append(json.loads(line))
            if options.keep:
                with open(f"{folder}/answers.jsonl", "a") as kept:
                    kept.write(line)
            most = max(most, answers[-1]["usage"]["input_tokens"])
            if (number + 1) % 20 == 0:
                print(f"{number + 1} turns, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        talk.stdin.close()
        code = talk.wait()
    if code or len(answers) != len(said):
        sys.exit(f"the conversation ended after {len(answers)} of {len(said)} turns, exit code {code}")
    print("| question | right | recalled turns | answer |")
    print("| --- | --- | --- | --- |")
    wrong = 0
    for number, (question, expected, forbidden) in zip(asked, ASKED):
        reply = answers[number]
        answer = " ".join(reply["answer"].split())
        low = answer.lower()
        right = any(word in low for word in expected) and not any(word in low for word in forbidden)
        wrong += not right
        turns = sorted(memory["turn"] for memory in reply["recall"]["activated"] if memory["form"] != "dropped")
        print(f"| {question} | {'yes' if right else 'no'} | {', '.join(map(str, turns))} | {answer[:160]} |")
    print(f"\n{options.turns} turns in {time.monotonic() - began:.0f} s; "
          f"at most {most} tokens read in a turn, all calls together; {wrong} of {len(ASKED)} questions missed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
