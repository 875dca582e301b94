"""The runtime benchmarks in LangGraph, for `make bench`.

Prints the version, then for each line of stdin, the name of a measure, one line of JSON with one
round of it: `{"value": seconds, "note": what differs from ours}`. By hand:

    echo hop | python benches/langgraph_peer.py

Where there is a choice, LangGraph gets the faster: its synchronous engine, a state of one number,
and a SQLite that does not wait for the disk, as ours does not (its own default does).
"""

import json
import operator
import sqlite3
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Send

HOPS = 100
# Runs of what is short, in a round.
SHORT = 5
WIDTH = 16
TURNS = 400
ANSWER = 1000
STEPS = 100_000
STEPS_JOURNALED = 10_000
LOOKS = 100

BOOK = Path(__file__).parent.parent / "examples/data/pride_and_prejudice.txt"


def main():
    print(f"LangGraph {version('langgraph')}, its SQLite {version('langgraph-checkpoint-sqlite')}", flush=True)
    measures = {}
    for name in map(str.strip, sys.stdin):
        if name not in measures:
            # Graphs are built once, as ours are.
            measures[name] = MEASURES[name]()
        print(json.dumps(measures[name]()), flush=True)


class Number(TypedDict):
    x: int


def hop():
    """A chain of nodes against a single one."""
    short, long = chain(1), chain(HOPS + 1)

    def measure():
        base = min(timed(lambda: short.invoke({"x": 0})) for _ in range(SHORT))
        whole = timed(lambda: long.invoke({"x": 0}, {"recursion_limit": HOPS + 5}))
        return {"value": max(0, whole - base) / HOPS}

    return measure


def journaled_hop():
    """The same, with a checkpoint in the database before the next node begins."""
    folder = tempfile.TemporaryDirectory()
    saver = SqliteSaver(connect(folder))
    short, long = chain(1, saver), chain(HOPS + 1, saver)
    runs = count()

    def invoke(graph):
        config = {"recursion_limit": HOPS + 5, "configurable": {"thread_id": str(next(runs))}}
        graph.invoke({"x": 0}, config, durability="sync")

    def measure(folder=folder):
        base = min(timed(lambda: invoke(short)) for _ in range(SHORT))
        return {"value": max(0, timed(lambda: invoke(long)) - base) / HOPS}

    return measure


def fan_out():
    """`Send` to as many nodes, and one that all of them lead to."""

    class Lists(TypedDict):
        items: list[int]
        results: Annotated[list[int], operator.add]

    graph = StateGraph(Lists)
    graph.add_node("work", lambda item: {"results": [item["x"] + 1]})
    graph.add_node("join", lambda state: {})
    graph.add_conditional_edges(START, lambda state: [Send("work", {"x": x}) for x in state["items"]], ["work"])
    graph.add_edge("work", "join")
    graph.add_edge("join", END)
    graph = graph.compile()

    def measure():
        whole = timed(lambda: [graph.invoke({"items": [0] * WIDTH, "results": []}) for _ in range(SHORT)])
        return {"value": whole / SHORT}

    return measure


def store():
    """A conversation as its documentation writes one: a list of messages, a turn an invocation."""
    book = BOOK.read_bytes()
    answers = [book[turn * ANSWER : (turn + 1) * ANSWER].decode(errors="ignore") for turn in range(TURNS)]

    class Deltas(TypedDict):
        messages: Annotated[list, DeltaChannel(lambda list, new: sum(new, list or []))]

    def talk(turns, state=MessagesState):
        with tempfile.TemporaryDirectory() as folder:
            connection = connect(folder)
            answer = iter(answers)
            graph = StateGraph(state)
            graph.add_node("turn", lambda state: {"messages": [("ai", next(answer))]})
            graph.add_edge(START, "turn")
            graph = graph.compile(checkpointer=SqliteSaver(connection))
            for turn in range(turns):
                question = ("user", f"{turn}: and what came then?")
                config = {"configurable": {"thread_id": "talk"}}
                graph.invoke({"messages": [question]}, config, durability="sync")
            connection.close()
            size = sum(file.stat().st_size for file in Path(folder).iterdir())
            return size / sum(len(answer.encode()) for answer in answers[:turns])

    def measure():
        half, whole, deltas = talk(TURNS // 2), talk(TURNS), talk(TURNS, Deltas)
        note = f"theirs after {TURNS}; {half:.0f} × after {TURNS // 2}; {deltas:.1f} × with the beta DeltaChannel"
        return {"value": whole, "note": note}

    return measure


def memory(steps, journaled):
    """A cycle: how much the process grows between a tenth of it and its end."""

    def measure():
        seen = []

        def step(state):
            if state["x"] % (steps // LOOKS) == 0:
                seen.append(resident())
            return {"x": state["x"] + 1}

        with tempfile.TemporaryDirectory() as folder:
            graph = StateGraph(Number)
            graph.add_node("step", step)
            graph.add_edge(START, "step")
            graph.add_conditional_edges("step", lambda state: "step" if state["x"] < steps else END)
            graph = graph.compile(checkpointer=SqliteSaver(connect(folder)) if journaled else None)
            config = {"recursion_limit": steps + 5, "configurable": {"thread_id": "cycle"}}
            graph.invoke({"x": 0}, config, durability="sync" if journaled else None)
        warm = len(seen) // 10
        answer = {"value": max(0, max(seen[warm:]) - seen[warm - 1])}
        if steps != STEPS:
            answer["note"] = f"theirs over {steps} steps"
        return answer

    return measure


def chain(length, saver=None):
    graph = StateGraph(Number)
    for index in range(length):
        graph.add_node(f"n{index}", lambda state: {"x": state["x"] + 1})
    graph.add_edge(START, "n0")
    for index in range(1, length):
        graph.add_edge(f"n{index - 1}", f"n{index}")
    return graph.compile(checkpointer=saver)


def connect(folder):
    path = Path(getattr(folder, "name", folder)) / "checkpoints.db"
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def resident():
    """Bytes of this process that are in memory."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


MEASURES = {
    "hop": hop,
    "journaled_hop": journaled_hop,
    "fan_out": fan_out,
    "store": store,
    "memory_plain": lambda: memory(STEPS, journaled=False),
    "memory_journaled": lambda: memory(STEPS_JOURNALED, journaled=True),
}

if __name__ == "__main__":
    main()
