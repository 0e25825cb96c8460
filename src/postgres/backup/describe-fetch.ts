/** Tells a person what a restore would do. */
import { sizesOf, type PreparedFetch } from './fetch.ts';

/** Lines for `--dry-run`. */
export function describeFetch({ request, layout, chain }: PreparedFetch): string {
  const { parts, storedBytes } = sizesOf(chain);
  const [, ...older] = chain.steps;
  const lines = [
    `backup      ${request.backup}`,
    `directory   ${layout.destination}`,
    ...Object.entries(layout.tablespaces).map(([name, directory]) => `tablespace  ${name} in ${directory}`),
    ...older.map(({ backup }) => `builds on   ${backup}`),
    ...(request.restoreOnly ?? []).map(({ text }) => `only        ${text}`),
    `to fetch    ${parts} parts, ${storedBytes} bytes`,
    ...[...request.additions].map(([path, added]) => `adds to     ${path}${added.replaceAll('\n', '\n            ')}`),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}
