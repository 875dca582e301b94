"""OpenAI's own client: client.py BASE_URL EMBEDDINGS_BASE_URL

Makes the requests of `cases.rs` in their order, and prints what comes of each as a line of JSON.
"""

import json
import sys

from openai import OpenAI

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}},
    "required": ["city"],
    "additionalProperties": False,
}
COUNT = [
    {"role": "system", "content": "You answer in plain words."},
    {"role": "user", "content": "Count from one to six."},
]
CAPITAL = [{"role": "user", "content": "Which city is the capital of France?"}]
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells the weather of a city.", "parameters": CITY},
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
CASES = [
    {"messages": COUNT, "max_tokens": 16, "seed": 7, "top_p": 0.5, "stop": ["seven"]},
    {"messages": COUNT, "max_tokens": 8, "logprobs": True, "top_logprobs": 2},
    {
        "messages": CAPITAL,
        "max_tokens": 32,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": False, "schema": CITY},
        },
    },
    {"messages": CAPITAL, "max_tokens": 64, "tools": [WEATHER], "tool_choice": "required"},
    {
        "messages": [
            *CAPITAL,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
        ],
        "max_tokens": 8,
        "tools": [WEATHER],
        "tool_choice": "none",
    },
]


def answer(client, case):
    text, finish, usage = "", None, None
    logprobs, names, arguments = [], [], []
    stream = client.chat.completions.create(
        model="tiny", temperature=0.0, stream=True, stream_options={"include_usage": True}, **case
    )
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
            if choice.logprobs:
                logprobs += [[token.token, token.logprob, len(token.top_logprobs)] for token in choice.logprobs.content]
            for call in choice.delta.tool_calls or []:
                if call.function.name:
                    names.append(call.function.name)
                    arguments.append("")
                arguments[-1] += call.function.arguments or ""
    return {
        "text": text,
        "finish": finish,
        "usage": [usage.prompt_tokens, usage.completion_tokens],
        "logprobs": logprobs,
        "calls": [list(call) for call in zip(names, arguments)],
    }


chat, embeddings = (OpenAI(base_url=url, api_key="none", max_retries=0, timeout=60) for url in sys.argv[1:])
for case in CASES:
    print(json.dumps(answer(chat, case)))
vectors = embeddings.embeddings.create(model="tiny", input=["a cat", "a dog"], encoding_format="float")
print(json.dumps([vector.embedding for vector in vectors.data]))
