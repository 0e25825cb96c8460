/** Who we are to the server: the ways to log in, in the order in which they are tried. */
import { readFileSync } from 'node:fs';
import type { AnyAuthMethod, utils } from 'ssh2';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { SftpConfig } from './config.ts';

/**
 * The ways that the settings allow: the key of a file, those of an agent, the password, also where the server asks for it
 * in a dialogue.
 *
 * @throws ArchiverError (`config`) when the file cannot be used
 */
export function loginMethods(config: SftpConfig, parseKey: (typeof utils)['parseKey']): readonly AnyAuthMethod[] {
  const { username, password, agentSocket, privateKeyPath } = config;
  const methods: AnyAuthMethod[] = [];
  if (privateKeyPath !== undefined) {
    methods.push({ type: 'publickey', username, key: privateKey(privateKeyPath, config.passphrase, parseKey) });
  }
  if (agentSocket !== undefined) methods.push({ type: 'agent', username, agent: agentSocket });
  if (password !== undefined) {
    methods.push(
      { type: 'password', username, password },
      {
        type: 'keyboard-interactive',
        username,
        prompt(_name, _instructions, _lang, prompts, finish) {
          finish(prompts.map(({ echo }) => (echo === true ? '' : password)));
        },
      },
    );
  }
  return methods;
}

type ParsedKey = Exclude<ReturnType<(typeof utils)['parseKey']>, Error>;

function privateKey(path: string, passphrase: string | undefined, parseKey: (typeof utils)['parseKey']): ParsedKey {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (cause) {
    throw new ArchiverError('config', `cannot read the private key: ${messageOf(cause)}`, {
      cause,
      hint: 'Set SSH_PRIVATE_KEY_PATH to a file that the user who runs this can read.',
    });
  }
  const parsed = parseKey(content, passphrase);
  if (!(parsed instanceof Error)) {
    if (parsed.isPrivateKey()) return parsed;
    throw new ArchiverError('config', `not a private key: "${path}"`, {
      hint: 'Set SSH_PRIVATE_KEY_PATH to the private part, which has no ".pub" at its end.',
    });
  }
  const needsPassphrase = passphrase === undefined && /encrypted/i.test(parsed.message);
  throw new ArchiverError('config', `cannot use the private key in "${path}": ${parsed.message}`, {
    hint: needsPassphrase
      ? 'Set WALG_SSH_PRIVATE_KEY_PASSPHRASE to its passphrase.'
      : 'Check that it is a private key as ssh-keygen writes it, and that WALG_SSH_PRIVATE_KEY_PASSPHRASE is its passphrase, if it has one.',
  });
}
