/**
 * The file that a restore in place leaves in the data directory while it is at work, so that after an interruption another
 * one knows the directory again, which has no `pg_control` then.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { JsonFields } from '../../catalog/json-fields.ts';
import { ArchiverError, codeOf } from '../../errors.ts';
import { syncFolder, writeAll } from '../../platform/files.ts';
import type { ThisProcess } from './process-identity.ts';

/** Its name. */
export const markerName = 'walvault_restore_in_place';
const beginningName = `${markerName}.tmp`;

/** What it says. */
export interface Marker {
  readonly systemIdentifier: bigint;
  /** What is being restored. */
  readonly backup: string;
  /** Directories of tablespaces that restores in place have worked on, by the name of their link. */
  readonly tablespaces: Readonly<Record<string, string>>;
  readonly process: ThisProcess;
}

/** @returns undefined when there is none. @throws ArchiverError (kind `cannotWrite`) when it is not readable */
export function readMarker(dataDirectory: string): Marker | undefined {
  const path = join(dataDirectory, markerName);
  try {
    const fields = JsonFields.parse(readFileSync(path, 'utf8'), 'marker');
    const required = (name: string): string => fields.required(name, fields.text(name));
    const tablespaces = fields.required('tablespaces', fields.object('tablespaces'));
    return {
      systemIdentifier: BigInt(required('systemIdentifier')),
      backup: required('backup'),
      tablespaces: Object.fromEntries(
        tablespaces.entries().map(([name, directory]) => [name, typeof directory === 'string' ? directory : '']),
      ),
      process: { host: required('host'), pid: fields.count('pid') ?? 0, started: required('started') },
    };
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new ArchiverError('cannotWrite', `cannot read "${path}", which an interrupted restore in place has left`, {
      cause,
      hint: 'Restore into an empty directory instead.',
    });
  }
}

/** Writes it; it is on disk then. */
export function writeMarker(dataDirectory: string, { systemIdentifier, process, ...rest }: Marker): void {
  const text = JSON.stringify({ systemIdentifier: String(systemIdentifier), ...rest, ...process }, undefined, 2);
  const beginning = join(dataDirectory, beginningName);
  const descriptor = openSync(beginning, 'w', 0o600);
  try {
    writeAll(descriptor, Buffer.from(`${text}\n`));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(beginning, join(dataDirectory, markerName));
  syncFolder(dataDirectory);
}

/** Removes it, when the directory can be started again. */
export function removeMarker(dataDirectory: string): void {
  unlinkSync(join(dataDirectory, markerName));
  syncFolder(dataDirectory);
}
