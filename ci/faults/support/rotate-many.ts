import { requestToken } from '@nauthera/local/product/token'
import { machine } from './chain.ts'
import type { Chain } from './chain.ts'

/** How many rotations are under way at once. */
const atOnce = 20

/** Rotates the secrets of as many clients (a second rotation of one would wait for its overlap, a minute at least), while every
 *  replica is asked for tokens with what each Secret holds at that moment, and with what it held before: both are good. */
export async function rotateMany(
  chain: Chain,
  count: number,
): Promise<{ rotations: number; requests: number; failures: string[] }> {
  const names = Array.from({ length: count }, (_, index) => `rotated-${index}`)
  await Promise.all(names.map((name) => chain.applyAndWait(name, machine)))
  const first = new Map(names.map((name) => [name, chain.credentials(name)]))
  let running = true
  let requests = 0
  const failures: string[] = []
  const knock = async (port: number, read: (name: string) => ReturnType<Chain['credentials']>) => {
    for (let turn = 0; running; turn++) {
      const name = names[turn % names.length]!
      try {
        const { status, body } = await requestToken(port, read(name))
        if (status !== 200) failures.push(`${name} at ${port}: ${status} ${body}`)
      } catch (error) {
        failures.push(`${name} at ${port}: ${String(error)}`)
      }
      requests++
    }
  }
  const load = Promise.all(
    chain.stack.pods.flatMap(({ port }) => [knock(port, chain.credentials), knock(port, (name) => first.get(name)!)]),
  )
  let rotations = 0
  const left = [...names]
  const rotateNext = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const before = chain.secretId(name)
      await chain.rotate(name)
      await chain.published(name, before)
      rotations++
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, rotateNext))
  } finally {
    running = false
    await load
  }
  return { rotations, requests, failures }
}
