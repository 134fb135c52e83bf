"""A real HTTP server on loopback that speaks as OpenAI-compatible servers do, with a real, tiny, random language model.

What it can do, how it fails and what it was asked are the test's to set and to see.
"""

from __future__ import annotations

import contextlib
import email
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

TRAINING = [
    "The weather is fine today.",
    "The council voted to raise the toll on the bridge over the river.",
    "Two translations of it were read to the end.",
    "Rain and snow fell on the whole coast until the night.",
    "They went from The Hague to The Wash and from The Lizard to The Mumbles.",
    "über die Brücke gehen größere Wagen",
]


def make_model(folder: Path, *, hidden_spaces: bool = False) -> Path:
    """A Llama with random weights and a tokenizer of a few hundred tokens.

    Bytes are its letters, it ends texts with `<|im_end|>` and begins none. With `hidden_spaces` it works as
    SentencePiece does: spaces are lost when a single token is decoded, and `<s>` begins each text.
    """
    import torch
    import transformers

    wrapped = _metaspace() if hidden_spaces else _byte_level()
    wrapped.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(wrapped),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=wrapped.bos_token_id,
        eos_token_id=wrapped.eos_token_id,
    )
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).float()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder


def _byte_level() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|endoftext|>", "<|im_end|>"]
    raw.train_from_iterator(
        TRAINING * 3, trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=letters)
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>")


def _metaspace() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    raw.decoder = decoders.Metaspace()
    special = ["<unk>", "<s>", "</s>"]
    raw.train_from_iterator(TRAINING * 3, trainers.BpeTrainer(vocab_size=200, special_tokens=special))
    raw.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


class Engine:
    """The model behind the server."""

    def __init__(self, folder: Path) -> None:
        import transformers

        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        self.model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder).float().eval()
        self._lock = threading.Lock()

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text).input_ids)

    def logp(self, ids: list[int]) -> Any:
        """Log-probabilities of the whole vocabulary after each token."""
        import torch

        with self._lock, torch.inference_mode():
            return torch.log_softmax(self.model(torch.tensor([ids])).logits[0].double(), dim=-1)

    def write(self, ids: list[int], limit: int, bias: dict[str, float]) -> tuple[list[int], str]:
        """Greedy tokens, and why it stopped."""
        made: list[int] = []
        while len(made) < limit:
            scores = self.logp(ids + made)[-1].clone()
            for number, more in bias.items():
                scores[int(number)] += more
            made.append(int(scores.argmax()))
            if made[-1] == self.tokenizer.eos_token_id:
                return made, "stop"
        return made, "length"


@dataclass
class Fault:
    """What is done once instead of answering."""

    status: int = 0
    body: bytes = b'{"error": {"message": "out of luck"}}'
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    delay: float = 0.0


class Refusal(Exception):
    """A request that the server does not accept."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Server(ThreadingHTTPServer):
    """The server; `with Server(engine) as server` runs it.

    Attributes:
        can: Of `completions`, `chat`, `prompt_logprobs`, `echo`, `bias`.
        faults: Used up one a request, before anything is answered.
        refuses: Names that no body may hold.
        missing: Status of the answer on a path that it cannot serve.
        dead: From now on every connection is dropped.
        asked: Path, body and headers of every request.
        spoil: Changes a choice of an answer before it is sent.
    """

    daemon_threads = True
    can: ClassVar[frozenset[str]] = frozenset({"completions", "chat", "prompt_logprobs", "echo", "bias"})

    def __init__(
        self,
        engine: Engine,
        can: set[str] | None = None,
        key: str = "",
        refuses: tuple[str, ...] = (),
        missing: int = 404,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engine, self.key, self.refuses, self.missing = engine, key, refuses, missing
        self.able = self.can if can is None else can
        self.context = 256
        self.faults: deque[Fault] = deque()
        self.dead = False
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.spoil: Any = lambda choice: None
        self.now = self.most = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def __enter__(self) -> Server:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no news."""

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("/models"):
            return {"data": [{"id": "tiny"}, {"id": "other"}]}
        kind = "chat" if path.endswith("/chat/completions") else "completions"
        if kind not in self.able:
            raise Refusal(self.missing, "Not Found")
        if body.get("model") != "tiny":
            raise Refusal(404, f"The model `{body.get('model')}` does not exist.")
        for name in self.refuses:
            if name in body:
                raise Refusal(400, f"Unsupported parameter: '{name}'.")
        prompt = body["prompt"] if kind == "completions" else "\n".join(m["content"] for m in body["messages"])
        return self._complete(kind, prompt, body)

    def _complete(self, kind: str, prompt: str, body: dict[str, Any]) -> dict[str, Any]:
        ids, limit = self.engine.ids(prompt), body.get("max_tokens") or body["max_completion_tokens"]
        if len(ids) + limit > self.context:
            raise Refusal(400, f"This model's maximum context length is {self.context} tokens.")
        made, why = self.engine.write(ids, limit, body.get("logit_bias", {}) if "bias" in self.able else {})
        text = self.engine.tokenizer.decode(made, skip_special_tokens=True)
        choice: dict[str, Any] = {"index": 0, "finish_reason": why}
        choice |= {"text": text} if kind == "completions" else {"message": {"role": "assistant", "content": text}}
        if "prompt_logprobs" in body and "prompt_logprobs" in self.able:
            choice["prompt_logprobs"] = self._prompt_logprobs(ids)
        if body.get("echo") and "echo" in self.able:
            choice["logprobs"] = self._echo(ids + made)
        self.spoil(choice)
        return {"choices": [choice], "usage": {"prompt_tokens": len(ids), "completion_tokens": len(made)}}

    def _prompt_logprobs(self, ids: list[int]) -> list[Any]:
        """As vLLM 0.32 gives them."""
        logp, decode = self.engine.logp(ids), self.engine.tokenizer.decode
        return [None] + [
            {str(i): {"logprob": float(row[i]), "rank": int((row > row[i]).sum()) + 1, "decoded_token": decode([i])}}
            for row, i in zip(logp[:-1], ids[1:], strict=True)
        ]

    def _echo(self, ids: list[int]) -> dict[str, Any]:
        """As the completions interface had them from the start."""
        logp, texts = self.engine.logp(ids), [self.engine.tokenizer.decode([i]) for i in ids]
        return {
            "tokens": texts,
            "token_logprobs": [None, *(float(row[i]) for row, i in zip(logp[:-1], ids[1:], strict=True))],
            "text_offset": [len("".join(texts[:n])) for n in range(len(texts))],
        }


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        """Tests look at `asked` instead."""

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.headers["Content-Type"]
        self._serve(_form(kind, data) if kind.startswith("multipart/") else json.loads(data))

    def _serve(self, body: dict[str, Any]) -> None:
        with self._counted():
            server = self.server
            server.asked.append((self.path, body, dict(self.headers)))
            fault = Fault(drop=True) if server.dead else server.faults.popleft() if server.faults else Fault()
            time.sleep(fault.delay)
            if fault.drop:
                self.close_connection = True
                self.connection.close()
            elif fault.status:
                self._send(fault.status, fault.body, fault.headers)
            elif server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
                said = f"Incorrect API key provided: {self.headers.get('Authorization')}"
                self._send(401, json.dumps({"error": {"message": said}}).encode())
            else:
                self._answer(body)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        self.inside = True
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        """A request counts until its answer can be read: then the client may already send the next one."""
        with self.server.lock:
            self.server.now -= self.inside
        self.inside = False

    def _answer(self, body: dict[str, Any]) -> None:
        try:
            self._send(200, json.dumps(self.server.answer(self.path.partition("?")[0], body)).encode())
        except Refusal as refusal:
            self._send(refusal.status, json.dumps({"error": {"message": refusal.message}}).encode())

    def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self._leave()
        self.wfile.write(data)


def _form(kind: str, data: bytes) -> dict[str, Any]:
    """The fields of a form: a text, several texts, or of a file its bytes."""
    message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + data)
    fields: dict[str, Any] = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        raw = part.get_payload(decode=True)
        value = raw if part.get_filename() else raw.decode()
        fields[name] = [fields[name], value] if name in fields else value
    return fields
