/** A real browser that looks at a page: Debian's chromium, without a window. */
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from './temp.ts';

const program = '/usr/bin/chromium';

/** Whether it is installed; in CI it must be. */
export function hasBrowser(): boolean {
  if (existsSync(program)) return true;
  if (process.env['CI'] === 'true')
    throw new Error('CI needs chromium: sh scripts/debian-packages.sh chromium=chromium');
  return false;
}

/** How a page is looked at. */
export interface View {
  /** Of the window, in CSS pixels. */
  readonly width: number;
  readonly isDark?: boolean;
}

const switches = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions'],
];

/**
 * Shows a page in a frame and runs a function on its document there.
 *
 * @param look the text of a function of the frame's window; what it returns is JSON
 */
export async function lookAt<T>(page: string, { width, isDark = false }: View, look: string): Promise<T> {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'frame.html');
  // A document of a frame with srcdoc can be reached from outside, though its own policy forbids all scripts.
  writeFileSync(
    path,
    `<!doctype html><meta charset="utf-8"><iframe style="width:${width}px;height:900px;border:0"></iframe>
<script>
const frame = document.querySelector('iframe');
frame.addEventListener('load', () => {
  let answer;
  try { answer = { value: (${look})(frame.contentWindow) }; } catch (error) { answer = { error: String(error.stack) }; }
  document.documentElement.setAttribute('data-answer', encodeURIComponent(JSON.stringify(answer)));
});
frame.srcdoc = decodeURIComponent(${JSON.stringify(encodeURIComponent(page))});
</script>`,
  );
  const { stdout } = await promisify(execFile)(
    program,
    [
      ...switches,
      `--user-data-dir=${join(directory.path, 'profile')}`,
      `--blink-settings=preferredColorScheme=${isDark ? 0 : 1}`,
      `--window-size=${width + 100},1000`,
      ...['--timeout=60000', '--dump-dom', `file://${path}`],
    ],
    { maxBuffer: 1 << 26, timeout: 150_000, env: { HOME: directory.path, PATH: process.env['PATH'] } },
  );
  // Its other processes may still be writing there.
  await rm(join(directory.path, 'profile'), { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  const given = /data-answer="([^"]*)"/.exec(stdout)?.[1];
  if (given === undefined) throw new Error(`the browser gave no answer: ${stdout.slice(0, 500)}`);
  const answer = JSON.parse(decodeURIComponent(given)) as { readonly value: T; readonly error?: string };
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value;
}
