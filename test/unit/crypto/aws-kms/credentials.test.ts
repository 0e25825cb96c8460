import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { awsCredentials } from '../../../../src/crypto/aws-kms/credentials.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

async function credentialsOf(settings: Readonly<Record<string, string>>): Promise<unknown> {
  const found = awsCredentials(rawSettings(settings, 'file'));
  return typeof found === 'function' ? found() : found;
}

describe('AWS credentials', () => {
  it('are those that are set, before those of a profile', async () => {
    const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(await credentialsOf({ ...keys, AWS_PROFILE: 'unknown' })).toEqual({
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'secret',
    });
    expect(await credentialsOf({ ...keys, AWS_SESSION_TOKEN: 'token' })).toMatchObject({ sessionToken: 'token' });
  });

  it('come from the profile and the file that settings name, also when they are not in the environment', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'credentials');
    writeFileSync(path, '[archive]\naws_access_key_id = AKIDFILE\naws_secret_access_key = of the file\n');
    const settings = { AWS_PROFILE: 'archive', AWS_SHARED_CREDENTIALS_FILE: path };
    expect(await credentialsOf(settings)).toMatchObject({ accessKeyId: 'AKIDFILE', secretAccessKey: 'of the file' });
  });
});
