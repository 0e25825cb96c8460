/**
 * Notes beside the WAL: "this file was archived in the background", so that the server's own call for it returns at once
 * (`postgres-storage.md` 12.5 of the specification). WAL-G cuts the extension off their names, so that a segment and its
 * `.partial` share one; here the whole name counts.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The notes of one WAL folder. They are hints: that the object exists is asked again before one is believed. */
export interface Markers {
  readonly folder: string;
  has(name: string): boolean;
  /** @throws the system's error */
  add(name: string): void;
  remove(name: string): void;
}

/** The notes in a WAL folder; the folder for them is made with the first one. */
export function openMarkers(walDirectory: string): Markers {
  const folder = join(walDirectory, 'walg_data', 'walg_archive_status');
  return {
    folder,
    has: (name) => existsSync(join(folder, name)),
    add(name) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, name), '', { mode: 0o600 });
    },
    remove(name) {
      rmSync(join(folder, name), { force: true });
    },
  };
}
