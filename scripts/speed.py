#!/usr/bin/env python3
"""The local engine beside llama.cpp: the same file, prompts, measuring code and machine, in one run.

Run it with a Python that has xllamacpp, llama.cpp's server as a package (`make speed` makes one). Both
are asked by `catena models bench`, llama.cpp through its OpenAI-compatible server; then both answer a
question about the opening of a novel with `catena ask`.

The local engine is measured with its weights kept in each of three ways; the chain runs with the one that
`catena ask` chooses by itself, `reading`. On a machine that does other work too, believe the
processor seconds, which for both include the loading of the model.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

QUESTION = "What is the name of the estate that Mr. Bingley has taken?"
# As the local engine's workers: 1,024 tokens are what it reads fastest.
WINDOW = "1024"
# The lengths of `catena models bench`.
LENGTHS = [256, 512, 1024, 2048]
SLOTS = 2
CONTEXT = 2560
# Ways in which the engine keeps weights (CATENA_WEIGHTS), and what they are.
WEIGHTS = {
    "as-is": "as in the file",
    "writing": "slow quantisations (Q5_0 and the like) as Q8_0: what `catena patent` and `catena fix` choose",
    # The last: what is measured is kept for later commands.
    "reading": "layers as 32-bit numbers: what `catena ask` chooses where they take less than half of the memory",
}
# The server of the tests.
SERVER = os.path.join(os.path.dirname(__file__), "../models/tests/servers/llama.py")


def processor(pid):
    """Seconds that a process has computed, with the children that it waited for."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        # After the program's name in brackets: user and system time, its own and its children's.
        ticks = stat.read().rsplit(") ", 1)[1].split()[11:15]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def catena(program, arguments, environment):
    done = subprocess.run(
        [program, *arguments, "--json"], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"catena {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def bench(program, model, environment):
    """Tokens a second, by what is measured."""
    found = catena(program, ["models", "bench", model], environment)
    # Named by what was meant: each counts with its own tokenizer or an estimate.
    figures = {f"reads {n} tokens": read["rate"] for n, read in zip(LENGTHS, found["reading"])}
    figures["writes"] = found["writing"]["rate"]
    for width in found["parallel"]["measured"]:
        figures[f"{width['requests']} at a time, in all"] = width["rate"]
    return figures


def chain(program, model, book, environment, server=None):
    """A question, and what it took; a server must be new."""
    question = ["ask", book, "-q", QUESTION, "--window", WINDOW, "--no-journal"]
    idle = processor(os.getpid())
    answered = catena(program, [*question, "--model", model], environment)
    busy = processor(os.getpid()) - idle
    answered["processor_seconds"] = busy + (processor(server) if server else 0)
    return answered


def show(kept, theirs, our_chain, their_chain):
    names = [*kept, "llama.cpp"]
    print(f"{'tokens/s':<24}" + "".join(f" {name:>10}" for name in names) + f" {'best ratio':>10}")
    # `bench` leaves out what would take a slow engine too long.
    for what, their in theirs.items():
        ours = [figures.get(what) for figures in kept.values()]
        if not any(ours):
            continue
        cells = [f"{rate:>10.1f}" if rate else f"{'':>10}" for rate in [*ours, their]]
        print(f"{what:<24} " + " ".join(cells) + f" {max(filter(None, ours)) / their:>10.2f}")
    print(f"\n{'a chain, end to end':<24} {'seconds':>9} {'processor':>10} {'chunks':>7} {'tokens in, out':>16}")
    for name, answered in [("catena", our_chain), ("llama.cpp", their_chain)]:
        usage = answered["usage"]
        tokens = f"{usage['input_tokens']}, {usage['output_tokens']}"
        seconds, busy = answered["elapsed_seconds"], answered["processor_seconds"]
        print(f"{name:<24} {seconds:>9.1f} {busy:>10.1f} {len(answered['units']):>7} {tokens:>16}")
    times = [our_chain[key] / their_chain[key] for key in ("elapsed_seconds", "processor_seconds")]
    print("\nThe chain takes {:.1f} times as long as over llama.cpp, and {:.1f} times the processor.".format(*times))


def settings(weights):
    """What was measured with what, in the words of a person."""
    print("\nSettings")
    print(f"  file       {os.path.basename(weights)}, {os.cpu_count()} cores")
    for name, what in WEIGHTS.items():
        print(f"  {name:<10} catena, {what}")
    print("  catena     32-bit activations, one request at a time, prefix cache of 512 MiB")
    print(f"  llama.cpp  the file as it is, {os.cpu_count()} threads, {SLOTS} places of {CONTEXT} tokens, its defaults else")
    print(f"  chain      a window of {WINDOW} tokens, weights kept for reading")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catena", required=True, help="the program")
    parser.add_argument("--weights", required=True, help="a GGUF file")
    parser.add_argument("--book", required=True, help="a text, of which the opening is read")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        book = os.path.join(folder, "opening.txt")
        with open(arguments.book, encoding="utf-8") as text, open(book, "w", encoding="utf-8") as out:
            out.write(text.read(14_000))
        config = os.path.join(folder, "config.toml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(f"[openai]\ncontext_window = {CONTEXT}\n")
        environment = {**os.environ, "CATENA_CONFIG": config}

        kept = {}
        for name in WEIGHTS:
            print(f"measuring catena's engine, weights: {name}", file=sys.stderr)
            environment["CATENA_WEIGHTS"] = name
            kept[name] = bench(arguments.catena, arguments.weights, environment)
        del environment["CATENA_WEIGHTS"]
        print("a chain over catena's engine", file=sys.stderr)
        our_chain = chain(arguments.catena, arguments.weights, book, environment)
        print("the same over llama.cpp", file=sys.stderr)
        server = subprocess.Popen(
            [
                *[sys.executable, SERVER, arguments.weights, "--threads", str(os.cpu_count())],
                *["--slots", str(SLOTS), "--context", str(CONTEXT)],
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        try:
            address = server.stdout.readline().strip()
            if not address:
                sys.exit("llama.cpp's server did not start")
            environment["CATENA_BASE_URL"] = f"{address}/v1"
            their_chain = chain(arguments.catena, "openai:local", book, environment, server.pid)
            print("measuring llama.cpp", file=sys.stderr)
            theirs = bench(arguments.catena, "openai:local", environment)
        finally:
            server.stdin.close()
            server.wait()
    show(kept, theirs, our_chain, their_chain)
    settings(arguments.weights)


if __name__ == "__main__":
    main()
