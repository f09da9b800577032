"""Runs networks with another runtime: engine_peer.py onnxruntime|openvino

Reads requests from standard input and answers each on standard output, one JSON object per line. A request is one run:

    model      the ONNX file
    output     the name of the output to compute
    threads    how many threads to use
    input      a file of little-endian 32-bit floats: the network's input
    to         optional: the file to write the output to, in the same format

The answer holds the runtime's `version`, the `seconds` that the run took, and this process's `peak` memory in MB of
2^20 bytes. A model stays loaded while requests name the same model, output and number of threads. All arithmetic has
32 bits; weights that a file stores in 16 bits are widened when it is loaded.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np


def onnxruntime():
    import onnxruntime

    def load(model: str, output: str, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Without this, idle threads spin after a run and slow down the next runtime's turn.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        [source] = session.get_inputs()
        return source.shape, lambda values: session.run([output], {source.name: values})[0]

    return onnxruntime.__version__, load


def openvino():
    import openvino

    def load(model: str, output: str, threads: int):
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        request = compiled.create_infer_request()

        def run(values):
            request.infer([values])
            return request.get_tensor(output).data

        return list(compiled.input(0).shape), run

    return openvino.__version__.split("-")[0], load


def peak() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    sys.exit("no peak memory: /proc/self/status has no VmHWM line")


def main() -> None:
    match sys.argv[1:]:
        case ["onnxruntime"]:
            version, load = onnxruntime()
        case ["openvino"]:
            version, load = openvino()
        case _:
            sys.exit(__doc__)
    loaded, shape, run = None, None, None
    for line in sys.stdin:
        request = json.loads(line)
        key = request["model"], request["output"], request["threads"]
        if key != loaded:
            # Free the previous model first.
            run = None
            shape, run = load(*key)
            loaded = key
        values = np.fromfile(request["input"], "<f4").reshape(shape)
        started = time.perf_counter()
        output = run(values)
        seconds = time.perf_counter() - started
        if "to" in request:
            output.astype("<f4").tofile(request["to"])
        print(json.dumps({"version": version, "seconds": seconds, "peak": peak()}), flush=True)


if __name__ == "__main__":
    main()
