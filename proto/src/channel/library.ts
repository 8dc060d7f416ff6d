// What @grpc/grpc-js needs from us: limits, methods, certificates, addresses.
import { createSecureContext } from 'node:tls'
import type { PeerCertificate } from 'node:tls'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from '@bufbuild/protobuf'
import { credentials } from '@grpc/grpc-js'
import type { ChannelCredentials, experimental } from '@grpc/grpc-js'
import type { CertificateSet, CertificateSource } from '../certificate-source.ts'
import type { Peer } from './stream.ts'

export type SocketListen = { readonly socket: string; readonly mode?: number }
export type TcpListen = { readonly host: string; readonly port: number }
export type ChannelTarget = { readonly socket: string } | { readonly host: string; readonly port: number }

/** Bytes. Neither side sends or accepts a larger message. */
const maxMessageBytes = 16 * 1024 * 1024

export const limits = {
  'grpc.max_send_message_length': maxMessageBytes,
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
} as const

/** @returns `unix:/run/x.sock`, `10.0.0.1:9443`, `[::1]:9443` */
export function addressOf(at: ChannelTarget): string {
  if ('socket' in at) return `unix:${at.socket}`
  return `${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`
}

/** What grpc-js needs to know about a method: these ten lines save a second code generator. */
export function methodDefinition<In extends DescMessage, Out extends DescMessage>(
  method: DescMethodBiDiStreaming<In, Out>,
) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: (message: MessageShape<In>) => asBuffer(toBinary(method.input, message)),
    requestDeserialize: (bytes: Buffer): MessageShape<In> => fromBinary(method.input, bytes),
    responseSerialize: (message: MessageShape<Out>) => asBuffer(toBinary(method.output, message)),
    responseDeserialize: (bytes: Buffer): MessageShape<Out> => fromBinary(method.output, bytes),
  }
}

/** The same bytes, not a copy. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export function channelCredentials(set: CertificateSet): ChannelCredentials {
  const context = createSecureContext({ ...set, minVersion: 'TLSv1.3' })
  return credentials.createFromSecureContext(context, { checkServerIdentity })
}

/** By the subject alternative names alone: Node takes the common name of a certificate without one (RFC 9525 section 6.3 forbids that). */
function checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  return peerOf(certificate).dnsNames.includes(host) ? undefined : new Error(`the certificate there is not for ${host}`)
}

/** Gives the newest set to the library now, and each later one when it comes. */
export function providerOf(source: CertificateSource): experimental.CertificateProvider {
  const stops = new Map<unknown, () => void>()
  const add = <Update>(listener: (update: Update | null) => void, part: (set: CertificateSet) => Update): void => {
    const tell = (): void => {
      const set = source.current()
      listener(set ? part(set) : null)
    }
    stops.set(listener, source.onChange(tell))
    // Not at once: the library adds its watcher only after this function returns, and would miss the first set.
    queueMicrotask(tell)
  }
  const remove = (listener: unknown): void => {
    stops.get(listener)?.()
    stops.delete(listener)
  }
  return {
    addCaCertificateListener: (listener) => add(listener, (set) => ({ caCertificate: Buffer.from(set.ca) })),
    removeCaCertificateListener: remove,
    addIdentityCertificateListener: (listener) =>
      add(listener, (set) => ({ certificate: Buffer.from(set.cert), privateKey: Buffer.from(set.key) })),
    removeIdentityCertificateListener: remove,
  }
}

export function peerOf(certificate: PeerCertificate | undefined): Peer {
  const names = (certificate?.subjectaltname ?? '').split(', ')
  const of = (kind: string): string[] =>
    names.filter((name) => name.startsWith(`${kind}:`)).map((name) => name.slice(kind.length + 1))
  return { dnsNames: of('DNS'), uris: of('URI') }
}
