import { isIP } from 'node:net'
import { type API, Connection, type ConnectionOptions } from '@platformatic/kafka'
import { messageOf, StreamsError } from '#streams/base'
import { KafkaError } from './kafka-errors.ts'
import { type KafkaLimits, type KafkaOptions, saslOf } from './kafka-options.ts'

export type BrokerAddress = { readonly host: string; readonly port: number }

export function addressOf({ host, port }: BrokerAddress): string {
  return `${host}:${port}`
}

/**
 * Connections of one client object (a consumer, a producer, …), one per broker, opened when first needed and again
 * after they broke. Answers on a connection come in the order of the requests, so objects that wait long do not share.
 */
export class Connections {
  readonly #clientId: string
  readonly #options: ConnectionOptions
  readonly #open = new Map<string, Promise<Connection>>()
  readonly #unreachable: Set<string>
  #closed = false
  #losses = 0

  /** `unreachable`, shared by all clients: brokers that the last attempt to connect did not reach. */
  constructor(clientId: string, options: KafkaOptions, limits: KafkaLimits, unreachable: Set<string>) {
    this.#clientId = clientId
    this.#unreachable = unreachable
    this.#options = {
      connectTimeout: limits.connectTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.sasl === undefined ? {} : { sasl: saslOf(options.sasl) }),
    }
  }

  /** Counts connections that broke: a broker may have died, and have come back as another one. */
  get losses(): number {
    return this.#losses
  }

  /**
   * One request, not retried. A response with error codes in it resolves: the caller looks at them. KafkaError if no
   * response came, so that the outcome is unknown.
   */
  async call<Arguments extends unknown[], Response>(
    broker: BrokerAddress,
    api: API<Arguments, Response>,
    ...args: Arguments
  ): Promise<Response> {
    const connection = await this.#connect(broker)
    try {
      return await api.async(connection, ...args)
    } catch (error) {
      const { response } = error as { response?: Response }
      if (response !== undefined) return response
      throw new KafkaError(`${broker.host}:${broker.port} did not answer: ${messageOf(error)}`, undefined, true, error)
    }
  }

  #connect(broker: BrokerAddress): Promise<Connection> {
    if (this.#closed) return Promise.reject(new StreamsError('CLOSED', `client ${this.#clientId} is closed`))
    const name = addressOf(broker)
    const known = this.#open.get(name)
    if (known !== undefined) return known
    // The name that the certificate is to have; an address is none (RFC 6066).
    const tlsServerName =
      this.#options.tls === undefined || isIP(broker.host) !== 0 ? {} : { tlsServerName: broker.host }
    const connection = new Connection(this.#clientId, { ...this.#options, ...tlsServerName })
    const forget = (): void => {
      if (this.#open.get(name) !== opening) return
      this.#open.delete(name)
      this.#losses++
    }
    // Whoever waits for an answer hears of the error; without a listener it would end the process.
    connection.on('error', forget)
    connection.on('close', forget)
    const opening: Promise<Connection> = this.#openConnection(connection, broker).catch((error: unknown) => {
      forget()
      throw error
    })
    opening.catch(() => {})
    this.#open.set(name, opening)
    return opening
  }

  async #openConnection(connection: Connection, broker: BrokerAddress): Promise<Connection> {
    try {
      await connection.connect(broker.host, broker.port)
      this.#unreachable.delete(addressOf(broker))
      return connection
    } catch (error) {
      const cause = (error as { cause?: unknown }).cause
      const reason = cause === undefined ? messageOf(error) : `${messageOf(error)} ${messageOf(cause)}`
      const refused = isRefusal(error) || isRefusal(cause)
      if (refused)
        throw new StreamsError(
          'LOG_REFUSED',
          `no connection to broker ${broker.host}:${broker.port}: ${reason}; check user, password, SASL mechanism and TLS settings`,
          { cause: error },
        )
      this.#unreachable.add(addressOf(broker))
      throw new KafkaError(`broker ${broker.host}:${broker.port} cannot be reached: ${reason}`, undefined, true, error)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const all = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(
      all.map(async (opening) => {
        try {
          const connection = await opening
          // A broker that stands still does not take what is left to write: nobody waits for it for ever.
          const timer = setTimeout(() => connection.socket?.destroy(), CLOSE_MS_MAX)
          await connection.close()
          clearTimeout(timer)
        } catch {
          // What could not be opened needs no closing.
        }
      }),
    )
  }
}

const CLOSE_MS_MAX = 2_000

const REFUSALS: ReadonlySet<unknown> = new Set([
  'PLT_KFK_AUTHENTICATION',
  'PLT_KFK_USER',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Passwords and certificates do not become right by trying again. */
function isRefusal(error: unknown): boolean {
  return REFUSALS.has((error as { code?: unknown } | undefined)?.code)
}
