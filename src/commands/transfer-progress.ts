/** The progress of a command on the terminal or in the log of this run. */
import { openProgress, type Progress } from '../platform/progress.ts';
import type { App } from './command.ts';

/** Begins to show a transfer of so many bytes, undefined when nobody knows; see `openProgress`. */
export function showTransfer(
  { interactive, logger, clock }: App,
  label: string,
  totalBytes: number | undefined,
): Progress {
  return openProgress({ interactive, stream: process.stderr, logger, clock, totalBytes, label });
}
