"""The networks by another runtime: engine_peer.py onnxruntime|openvino

Answers each line of its input with a line, both a JSON object. What is asked is one run:

    model      the ONNX file
    output     the name of the output that is wanted
    threads    how many threads work on it
    input      a file of 32-bit floats, the lowest byte first: what the network is given
    to         optional: where the output is written, in the same form

The answer holds the runtime's `version`, the `seconds` that the run took, and the `peak` of this process's memory in MB
of 2^20 bytes. A model stays loaded as long as the same one is asked for with as many threads. Everything is worked out
in 32 bits; what a file stores in 16 is made longer when it is loaded.
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
        # Its threads do not wait busily for more once a run is over: another's turn would suffer.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        [given] = session.get_inputs()
        return given.shape, lambda values: session.run([output], {given.name: values})[0]

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
    sys.exit("the system tells no peak of memory")


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
        asked = json.loads(line)
        wanted = asked["model"], asked["output"], asked["threads"]
        if wanted != loaded:
            # The one before goes first.
            run = None
            shape, run = load(*wanted)
            loaded = wanted
        values = np.fromfile(asked["input"], "<f4").reshape(shape)
        begun = time.perf_counter()
        output = run(values)
        seconds = time.perf_counter() - begun
        if "to" in asked:
            output.astype("<f4").tofile(asked["to"])
        print(json.dumps({"version": version, "seconds": seconds, "peak": peak()}), flush=True)


if __name__ == "__main__":
    main()
