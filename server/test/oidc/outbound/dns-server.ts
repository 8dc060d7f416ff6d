import { createSocket } from 'node:dgram'
import type { AddressInfo } from 'node:net'

/** A DNS server on loopback. */
export interface DnsServer {
  /** For `setServers`. */
  readonly address: string
  /** Names that were asked for their IPv4 addresses, each question once. */
  readonly asked: ReadonlySet<string>
  /** Resolves when so many names have been asked for. */
  heard(count: number): Promise<void>
  stop(): Promise<void>
}

const types = { A: 1, AAAA: 28 }

/** @param names the IPv4 address of a name; `none`: there is no such name; undefined: it never answers */
export async function startDnsServer(names: (name: string) => string | undefined): Promise<DnsServer> {
  const asked = new Set<string>()
  const waiting: { count: number; resolve: () => void }[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const { name, type, end } = questionOf(query)
    if (type === types.A) asked.add(name)
    for (const one of waiting) if (asked.size >= one.count) one.resolve()
    const address = names(name)
    if (address === undefined) return
    const has = address !== 'none' && type === types.A
    const header = Buffer.from(query.subarray(0, 12))
    // an answer, recursion available; 3: no such name
    header.writeUInt16BE(0x8180 + (address === 'none' ? 3 : 0), 2)
    header.writeUInt16BE(has ? 1 : 0, 6)
    header.fill(0, 8)
    const record = has
      ? Buffer.from([0xc0, 12, 0, types.A, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)])
      : Buffer.alloc(0)
    socket.send(Buffer.concat([header, query.subarray(12, end), record]), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    asked,
    heard: (count) =>
      new Promise((resolve) => {
        if (asked.size >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

/** The first question of a message (RFC 1035 4.1.2), and where it ends. */
function questionOf(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 }
}
