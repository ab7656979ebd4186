import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './broker-process.ts'

const run = promisify(execFile)

export type User = { readonly user: string; readonly password: string }

export type SecureListener = {
  readonly port: number
  /** PEM of the certificate that signs the broker's key: itself. */
  readonly authority: string
  readonly properties: Readonly<Record<string, string>>
}

const STORE_PASSWORD = 'for-tests-only'

/** TLS with a key for this machine, signed by itself, made by the JDK's keytool; SASL PLAIN and SCRAM-SHA-512. */
export async function secureListener(directory: string, users: readonly User[]): Promise<SecureListener> {
  const store = join(directory, 'broker.p12')
  const common = ['-alias', 'broker', '-keystore', store, '-storetype', 'PKCS12', '-storepass', STORE_PASSWORD]
  const subject = ['-dname', 'CN=localhost', '-ext', 'SAN=IP:127.0.0.1,DNS:localhost', '-validity', '30']
  await run('keytool', ['-genkeypair', '-keyalg', 'EC', ...common, ...subject])
  const { stdout } = await run('keytool', ['-exportcert', '-rfc', ...common])
  const known = users.map(({ user, password }) => `user_${user}="${password}"`).join(' ')
  return {
    port: await freePort(),
    authority: stdout,
    properties: {
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
      'listener.name.secure.scram-sha-512.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.secure.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${known};`,
      'listener.name.secure.ssl.keystore.location': store,
      'listener.name.secure.ssl.keystore.password': STORE_PASSWORD,
      'listener.name.secure.ssl.keystore.type': 'PKCS12',
    },
  }
}

/** Everything is forbidden that no ACL allows, but to the nodes and to who comes without a login (the test itself). */
export const AUTHORIZER: Readonly<Record<string, string>> = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
}
