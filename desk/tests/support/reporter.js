// Prints results as Rust's test harness does, so that all suites look alike and are counted alike.

export default async function* report(events) {
  const counts = { passed: 0, failed: 0, ignored: 0 };
  for await (const { type, data } of events) {
    // Figures that a test has measured.
    if (type === "test:diagnostic" && data.message.startsWith("figure: ")) yield `${data.message}\n`;
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details?.type === "suite") continue;
    if (/does not match/.test(String(data.skip))) continue;
    if (data.skip !== undefined) {
      counts.ignored += 1;
      yield `test ${data.name} ... ignored\n`;
    } else if (type === "test:pass") {
      counts.passed += 1;
      yield `test ${data.name} ... ok (${(data.details.duration_ms / 1000).toFixed(1)} s)\n`;
    } else {
      counts.failed += 1;
      const { error } = data.details;
      yield `test ${data.name} ... FAILED\n${error?.cause?.message ?? error}\n${error?.cause?.cause?.stack ?? error?.cause?.stack}\n\n`;
    }
  }
  const { passed, failed, ignored } = counts;
  yield `\ntest result: ${failed === 0 ? "ok" : "FAILED"}. ${passed} passed; ${failed} failed; ${ignored} ignored\n`;
}
