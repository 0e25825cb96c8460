/** The native parts of packages: built for many platforms by their makers, laid beside the bundles by the build. */
import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * File in `dist/lib` for each package with a native part. In `src/` they are loaded by
 * `createRequire(import.meta.url)('lz4-napi')`, or imported (`sodium-native`, whose thin layer is bundled).
 */
export const nativeFiles: Readonly<Record<string, string>> = {
  'lz4-napi': 'lz4.node',
  'lzma-native': 'lzma.node',
  'sodium-native': 'sodium.node',
};

/**
 * Copies the native parts for this platform into a folder.
 *
 * @throws Error when a package has none for this platform
 */
export function installNatives(folder: string): void {
  for (const [name, file] of Object.entries(nativeFiles)) copyFileSync(nativePart(name), join(folder, file));
}

/** Each package chooses by platform in its own way: the file that it really loads is the right one. */
function nativePart(name: string): string {
  const requireFrom = createRequire(import.meta.url);
  const before = new Set(Object.keys(requireFrom.cache));
  requireFrom(name);
  const loaded = Object.keys(requireFrom.cache).filter((path) => path.endsWith('.node') && !before.has(path));
  const [path] = loaded;
  if (path === undefined || loaded.length > 1) throw new Error(`${name} has no native part for this platform`);
  return path;
}
