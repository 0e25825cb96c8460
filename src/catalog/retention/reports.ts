/** Reports of verifications, which go with their backups. Pure. */
import type { ObjectInfo } from '../../storage/storage.ts';
import { verifyFolder } from '../layout.ts';
import { verifyReportKey } from '../verify/report.ts';

/** The reports of verifications among other objects: of which backup, by its name. */
export function reportsOf(others: readonly ObjectInfo[]): ReadonlyMap<string, ObjectInfo> {
  const reports = new Map<string, ObjectInfo>();
  for (const object of others) {
    const { key } = object;
    const name = key.startsWith(`${verifyFolder}/`) ? key.slice(verifyFolder.length + 1).replace(/\.json$/, '') : '';
    if (name !== '' && verifyReportKey(name) === key) reports.set(name, object);
  }
  return reports;
}
