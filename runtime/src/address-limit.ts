// Limits the open connections of each address, at ports that anybody in the cluster may reach.
import type { Socket } from 'node:net'

/** Who has to ask there has one connection, or a few. */
const mostOfAddress = 128

/** @returns whether a new connection is within the limit, so that one program takes nobody else's place */
export function createAddressLimit(): (socket: Socket) => boolean {
  const open = new Map<string, number>()
  return (socket) => {
    const { remoteAddress: address = '' } = socket
    const count = (open.get(address) ?? 0) + 1
    if (count > mostOfAddress) return false
    open.set(address, count)
    socket.once('close', () => {
      const left = open.get(address)! - 1
      if (left === 0) open.delete(address)
      else open.set(address, left)
    })
    return true
  }
}
