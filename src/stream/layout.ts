/** The objects of a stream backup: one, or parts that the stream is dealt out to. Format: `mysql.md` 6 of the specification. */
import { backupFolder } from '../catalog/layout.ts';
import { readSettings, type RawSettings } from '../config/setting.ts';
import type { Key } from '../storage/storage.ts';
import { splitSettings } from './settings.ts';

/** How a stream is laid out in objects. */
export type StreamLayout = { readonly kind: 'single' } | SplitLayout;

/** Block k goes to part k modulo `partitions`; the bytes of a part go to one object, or are cut into files. */
export interface SplitLayout {
  readonly kind: 'split';
  readonly partitions: number;
  /** From 1. */
  readonly blockBytes: number;
  /** Of the stream, not of the stored object; undefined: one object for each part. */
  readonly maxFileBytes: number | undefined;
}

/** The layout that the settings ask for. @throws SettingError */
export function readStreamLayout(raw: RawSettings): StreamLayout {
  const { partitions = 1, blockBytes, maxFileBytes } = readSettings(splitSettings, raw);
  if (partitions === 1 && maxFileBytes === 0) return { kind: 'single' };
  return { kind: 'split', partitions, blockBytes, maxFileBytes: maxFileBytes === 0 ? undefined : maxFileBytes };
}

/** Logical key of a stream in one object. */
export function singleKey(backup: string): Key {
  return `${backupFolder(backup)}/stream`;
}

/** Logical key of a part, or of one of its files. */
export function partKey(backup: string, part: number, file?: number): Key {
  const suffix = file === undefined ? '' : `_${fourDigits(file)}`;
  return `${backupFolder(backup)}/part_${fourDigits(part)}${suffix}`;
}

/** Which part, and which file of it, an object of that logical name is; undefined: none. */
export function parsePartName(name: string): { readonly part: number; readonly file: number | undefined } | undefined {
  const [, part, file] = /^part_(\d{4,})(?:_(\d{4,}))?$/.exec(name) ?? [];
  if (part === undefined) return undefined;
  return { part: Number(part), file: file === undefined ? undefined : Number(file) };
}

/** Describes a stream that was dealt out; there is none beside a single object. */
export function streamMetadataKey(backup: string): Key {
  return `${backupFolder(backup)}/stream_metadata.json`;
}

function fourDigits(number: number): string {
  return String(number).padStart(4, '0');
}
