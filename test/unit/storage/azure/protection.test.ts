import { expect, it } from 'vitest';
import type { Protection } from '../../../../src/storage/storage.ts';
import { azureRig, refusal } from '../../../../testtools/azure-storage.ts';

const told = (versioned: boolean, locked: boolean, held = false): Record<string, string> => ({
  'x-ms-immutable-storage-with-versioning-enabled': String(versioned),
  'x-ms-has-immutability-policy': String(locked),
  'x-ms-has-legal-hold': String(held),
});

it.each<[Record<string, string>, Protection]>([
  [told(false, false), { lock: 'off' }],
  [told(true, false), { versions: 'on', lock: 'on demand' }],
  [told(true, true), { versions: 'on', lock: 'always', lockText: 'immutability policy' }],
  [told(false, false, true), { lock: 'always', lockText: 'legal hold' }],
  [{}, {}],
])('a container that answers %j', async (headers, expected) => {
  const { storage, http } = azureRig(() => ({ status: 200, headers }));
  expect(await storage.protection()).toEqual(expected);
  expect(http.requests.map(({ method, url }) => `${method} ${url.pathname}${url.search}`)).toEqual([
    'GET /box?restype=container',
  ]);
});

it('tells nothing to who may not ask', async () => {
  const { storage } = azureRig(() => refusal(403, 'AuthorizationPermissionMismatch'));
  expect(await storage.protection()).toEqual({});
});
