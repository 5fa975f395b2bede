/** Pointers that pull something: mouse, pen and finger. */

/**
 * @param {PointerEvent} event - that began it
 * @param {(right: number, down: number) => void} onMove - by how many CSS pixels, all in all
 */
export function drag(event, onMove) {
  if (event.button !== 0) return;
  event.preventDefault();
  event.stopPropagation();
  const held = event.currentTarget;
  const { clientX, clientY, pointerId } = event;
  held.setPointerCapture(pointerId);
  held.focus({ preventScroll: true });
  const over = new AbortController();
  const { signal } = over;
  held.addEventListener("pointermove", (move) => onMove(move.clientX - clientX, move.clientY - clientY), { signal });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
    held.addEventListener(name, () => over.abort(), { signal });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 10;

/** @param {KeyboardEvent} event @returns {[number, number] | null} by how much an arrow key moves: with Shift ten times */
export function arrowOf({ key, shiftKey, altKey, ctrlKey, metaKey }) {
  const arrow = ARROWS[key];
  if (!arrow || altKey || ctrlKey || metaKey) return null;
  return arrow.map((one) => one * (shiftKey ? FAR : 1));
}
