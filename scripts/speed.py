#!/usr/bin/env python3
"""The local engine beside llama.cpp: the same file, prompts, measuring code and machine, in one run.

Run it with a Python that has xllamacpp, llama.cpp's server as a package (`make speed` makes one). Both
are asked by `catena models bench`, llama.cpp through its OpenAI-compatible server; then both answer a
question about the opening of a novel with `catena ask`.

Settings: the local engine's own choice (weights converted for reading, 32-bit numbers, a prefix cache);
llama.cpp the file as it is, its defaults, and a thread for each core. On a machine that does other work
too, believe the processor seconds, which for both include the loading of the model.
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


def measure(program, model, book, environment, server=None):
    """The figures of one engine, by their names; a server must be new."""
    question = ["ask", book, "-q", QUESTION, "--window", WINDOW, "--no-journal"]
    idle = processor(os.getpid())
    chain = catena(program, [*question, "--model", model], environment)
    busy = processor(os.getpid()) - idle
    chain["processor_seconds"] = busy + (processor(server) if server else 0)
    bench = catena(program, ["models", "bench", model], environment)
    # Named by what was meant: each counts with its own tokenizer or an estimate.
    figures = {f"reads {n} tokens": read["rate"] for n, read in zip(LENGTHS, bench["reading"])}
    figures["writes"] = bench["writing"]["rate"]
    for width in bench["parallel"]["measured"]:
        figures[f"{width['requests']} at a time, in all"] = width["rate"]
    return figures, chain


def show(ours, theirs):
    (our_figures, our_chain), (their_figures, their_chain) = ours, theirs
    print(f"{'tokens/s':<24} {'catena':>9} {'llama.cpp':>10} {'ratio':>6}")
    # `bench` leaves out what would take a slow engine too long.
    for name in [name for name in our_figures if name in their_figures]:
        our, their = our_figures[name], their_figures[name]
        print(f"{name:<24} {our:>9.1f} {their:>10.1f} {our / their:>6.2f}")
    print(f"\n{'a chain, end to end':<24} {'seconds':>9} {'processor':>10} {'chunks':>7} {'tokens in, out':>16}")
    for name, chain in [("catena", our_chain), ("llama.cpp", their_chain)]:
        usage = chain["usage"]
        tokens = f"{usage['input_tokens']}, {usage['output_tokens']}"
        seconds, busy = chain["elapsed_seconds"], chain["processor_seconds"]
        print(f"{name:<24} {seconds:>9.1f} {busy:>10.1f} {len(chain['units']):>7} {tokens:>16}")
    times = [our_chain[key] / their_chain[key] for key in ("elapsed_seconds", "processor_seconds")]
    print("\nThe chain takes {:.1f} times as long as over llama.cpp, and {:.1f} times the processor.".format(*times))


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

        print("measuring catena's engine", file=sys.stderr)
        ours = measure(arguments.catena, arguments.weights, book, environment)
        print("measuring llama.cpp", file=sys.stderr)
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
            theirs = measure(arguments.catena, "openai:local", book, environment, server.pid)
        finally:
            server.stdin.close()
            server.wait()
    show(ours, theirs)


if __name__ == "__main__":
    main()
