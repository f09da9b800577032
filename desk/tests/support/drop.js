// How long somebody waits for a cut.

/** Enlarges a photo to two megapixels and drops it. Returns how long the cut takes to be on the stage, in milliseconds. */
export async function dropToCut(page, bytes, round) {
  return page.evaluate(
    async ({ data, round }) => {
      const blob = new Blob([Uint8Array.from(atob(data), (character) => character.charCodeAt(0))]);
      const canvas = new OffscreenCanvas(1_732, 1_155);
      canvas.getContext("2d").drawImage(await createImageBitmap(blob), 0, 0, canvas.width, canvas.height);
      // No two are the same.
      canvas.getContext("2d").fillRect(round, 0, 1, 1);
      const photo = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([photo], `photo ${round}.jpg`, { type: "image/jpeg" }));
      const stage = document.getElementById("stage");
      const begun = performance.now();
      return new Promise((resolve) => {
        const isThere = () => stage.dataset.content === "both" && document.querySelector("#stage[data-cut]");
        new MutationObserver((_, observer) => {
          if (!isThere()) return;
          observer.disconnect();
          requestAnimationFrame(() => resolve(performance.now() - begun));
        }).observe(stage, { attributes: true });
        document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
      });
    },
    { data: Buffer.from(bytes).toString("base64"), round },
  );
}
