/** Tells a person what a restore would do. */
import type { PreparedFetch } from './fetch.ts';

/** Lines for `--dry-run`. */
export function describeFetch({ request, layout, plan }: PreparedFetch): string {
  const lines = [
    `backup      ${request.backup}`,
    `directory   ${layout.destination}`,
    ...Object.entries(layout.tablespaces).map(([name, directory]) => `tablespace  ${name} in ${directory}`),
    `to fetch    ${plan.parts.length} parts, ${plan.totalBytes} bytes`,
    ...[...request.additions].map(([path, added]) => `adds to     ${path}${added.replaceAll('\n', '\n            ')}`),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}
