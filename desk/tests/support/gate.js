// A proxy in front of a server that can hold uploads half way, so that a test can break them there.

import net from "node:net";

/** So much of a held upload passes, its headers included. */
const PASSED_BYTES = 64 * 1024;

export class Gate {
  /** Whether uploads that begin now are held. */
  isHolding = false;
  /** How many uploads are held. */
  held = 0;
  #server;

  constructor(port) {
    this.#server = net.createServer((client) => this.#pass(client, port));
  }

  /** @returns {Promise<void>} */
  open(port) {
    return new Promise((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
  }

  close() {
    this.#server.close();
  }

  #pass(client, port) {
    const server = net.connect(port, "127.0.0.1");
    let left = Number.POSITIVE_INFINITY;
    client.on("data", (bytes) => {
      if (this.isHolding && left === Number.POSITIVE_INFINITY && bytes.subarray(0, 4).toString("latin1") === "PUT ") {
        left = PASSED_BYTES;
        this.held += 1;
      }
      server.write(bytes.subarray(0, left));
      left = Math.max(0, left - bytes.length);
    });
    server.on("data", (bytes) => client.write(bytes));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ]) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  }
}
