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


class Talk:
    """A conversation with `catena chat`, in one process after the other."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.place = ["--memory", f"{folder}/memory.db"]
        self.answers, self.most, self.process = {}, 0, None

    def say(self, number, message):
        if not self.process:
            self.process = subprocess.Popen(
                [self.options.catena, "chat", *self.place, "--journal", f"{self.folder}/runs.db", "--json",
                 "--answer-tokens", str(self.options.answer_tokens), *self.options.args],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(message + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the conversation ended in turn {number}, exit code {self.process.wait()}")
        reply = self.answers[number] = json.loads(line)
        if reply["turn"] != number:
            sys.exit(f"turn {number} counts as {reply['turn']}: {line}")
        self.most = max(self.most, reply["usage"]["input_tokens"])
        if self.options.keep:
            with open(f"{self.folder}/answers.jsonl", "a") as kept:
                kept.write(line)

    def put_in(self, turns):
        """Turns that nobody says: they are there as if somebody had."""
        self.end()
        now = int(time.time() * 1e6)
        lines = [json.dumps({
            "user": "me", "bot": "catena", "conversation": "default", "id": number, "kind": "turn",
            "observation": message, "response": f"That is a long story about {message.split()[-1].strip('.?')}.",
            "validity": {"from": now + number}, "sources": [{"turn": number, "at": now + number}],
        }) for number, message in turns]
        with open(f"{self.folder}/put-in.jsonl", "w") as file:
            file.write("\n".join(lines) + "\n")
        subprocess.run([self.options.catena, "memory", "import", file.name, *self.place], check=True,
                       stdout=subprocess.DEVNULL)

    def end(self):
        if self.process:
            self.process.stdin.close()
            if code := self.process.wait():
                sys.exit(f"the conversation ended with exit code {code}")
            self.process = None


# In a quick talk, so many turns in a row that are small talk are put into the memory, and not said.
ROW = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catena", default="catena", help="the command")
    parser.add_argument("--turns", type=int, default=300, help="at least 24")
    parser.add_argument("--quick", action="store_true",
                        help="say only the turns around those that tell or ask; the others are put into the memory")
    parser.add_argument("--answer-tokens", type=int, default=40, help="the most tokens of an answer")
    parser.add_argument("--keep", metavar="FOLDER", help="keep archive, journal and the bot's answers there")
    parser.add_argument("args", nargs="*", help="more arguments for `catena chat`, after --")
    options = parser.parse_args()
    if options.turns < 24:
        parser.error("a conversation of fewer than 24 turns is none")
    said, asked = messages(options.turns)
    count = options.turns
    matter = {turn for turn, _ in TOLD} | {count // 2 + 1, count // 2 + 3} | {at + 1 for at in asked}
    began = time.monotonic()
    with contextlib.ExitStack() as places:
        folder = options.keep or places.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        talk = Talk(options, folder)
        turns = list(enumerate(said, start=1))
        while turns:
            row = next((at for at, (number, _) in enumerate(turns) if number in matter), len(turns))
            if options.quick and row >= ROW:
                talk.put_in(turns[:row])
                del turns[:row]
                continue
            number, message = turns.pop(0)
            talk.say(number, message)
            if number % 20 == 0:
                print(f"{number} turns, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        talk.end()
    print("| question | right | recalled turns | answer |")
    print("| --- | --- | --- | --- |")
    wrong = 0
    for number, (question, expected, forbidden) in zip(asked, ASKED):
        reply = talk.answers[number + 1]
        answer = " ".join(reply["answer"].split())
        low = answer.lower()
        right = any(word in low for word in expected) and not any(word in low for word in forbidden)
        wrong += not right
        turns = sorted(memory["turn"] for memory in reply["recall"]["activated"] if memory["form"] != "dropped")
        print(f"| {question} | {'yes' if right else 'no'} | {', '.join(map(str, turns))} | {answer[:160]} |")
    print(f"\n{len(talk.answers)} of {count} turns said in {time.monotonic() - began:.0f} s; at most {talk.most} "
          f"tokens read in a turn, all calls together; {wrong} of {len(ASKED)} questions missed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
