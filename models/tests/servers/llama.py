"""llama.cpp's server: llama.py MODEL.gguf [--embeddings] [--slots N] [--context TOKENS] [--threads N]

Prints its address once it answers, and ends when its standard input does: with the test or script
that started it, however that ends. `--context` is that of each slot. Chat templates are the file's
own, tools included.
"""

import argparse
import os
import sys

import xllamacpp

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--embeddings", action="store_true")
parser.add_argument("--slots", type=int, default=1)
parser.add_argument("--context", type=int, default=1024)
# Threads wait for each other at every layer, spinning: with as many as there are processors, a token
# takes seconds on a machine that has anything else to do.
parser.add_argument("--threads", type=int, default=1)
arguments = parser.parse_args()

params = xllamacpp.CommonParams()
params.model.path = arguments.model
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_parallel = arguments.slots
params.n_ctx = arguments.slots * arguments.context
params.use_jinja = True
params.verbosity = 1
params.cpuparams.n_threads = arguments.threads
params.cpuparams_batch.n_threads = arguments.threads
if arguments.embeddings:
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
# Without the destructor, which waits for requests that nobody waits for any more.
os._exit(0)
