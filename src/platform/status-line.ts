/**
 * The one line at the bottom of a terminal that is drawn again and again. The log and the progress share the terminal:
 * before a log line is written the status line is wiped, and the next redraw brings it back.
 */

const wipe = '\r\u001b[K';

let drawn = false;

/** What replaces the status line on the terminal: its text goes after the escape sequence. */
export function redrawn(text: string): string {
  drawn = true;
  return `${wipe}${text}`;
}

/** To be written before anything else goes to the terminal; empty when there is no status line. */
export function erasure(): string {
  if (!drawn) return '';
  drawn = false;
  return wipe;
}
