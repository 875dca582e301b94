"""llama.cpp's server for the tests: llama.py MODEL.gguf chat|embeddings

Prints its address once it answers, and ends when its standard input does: with the test that
started it, however that ends.
"""

import os
import sys

import xllamacpp

path, purpose = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = path
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 1024
params.verbosity = 1
# Threads wait for each other at every layer, spinning: with as many as there are processors, a token
# takes seconds on a machine that has anything else to do.
params.cpuparams.n_threads = 1
if purpose == "embeddings":
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
# Without the destructor, which waits for requests that nobody waits for any more.
os._exit(0)
