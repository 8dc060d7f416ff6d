import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort, holdPort } from '@nauthera/local/processes/ports'
import type { HeldPort } from '@nauthera/local/processes/ports'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { choosePorts } from '../../dev/ports.ts'
import type { DevPorts } from '../../dev/ports.ts'

const numbers = ({ issuer, sample, api, inbox, pods }: DevPorts) =>
  [issuer, sample, api, inbox, ...pods].map(({ port }) => port)

describe(choosePorts.name, () => {
  it('takes the ports of the last time, and another one where a program has one of them, and says so', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nauthera-ports-'))
    const forget = reapDirectory(directory)
    const file = join(directory, 'ports.json')
    const [issuer, sample, api, inbox] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const wanted = { issuer, sample, api, inbox, pods: [] }
    writeFileSync(file, JSON.stringify(wanted))
    const said: string[] = []
    const choose = async () => {
      const chosen = await choosePorts(file, { replicas: 2, extras: new Set() }, (text) => void said.push(text))
      await chosen.release()
      return numbers(chosen)
    }
    const first = await choose()
    expect(first.slice(0, 4)).to.deep.equal([issuer, sample, api, inbox])
    expect(await choose()).to.deep.equal(first)
    expect(said).to.deep.equal([])
    const squatter = await holdPort(issuer)
    const moved = await choose()
    await squatter.release()
    expect(moved.slice(1)).to.deep.equal(first.slice(1))
    expect(said).to.deep.equal([`port ${issuer} is in use; the issuer is on port ${moved[0]}`])
    forget()
  })

  it('gives none of the ports of the last time to another program of it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nauthera-ports-'))
    const forget = reapDirectory(directory)
    const file = join(directory, 'ports.json')
    const [squatter, next] = await holdNeighbours()
    await next.release()
    const [api, inbox] = [await freePort(), await freePort()]
    writeFileSync(file, JSON.stringify({ issuer: squatter.port, sample: next.port, api, inbox, pods: [] }))
    const chosen = await choosePorts(file, { replicas: 1, extras: new Set() }, () => undefined)
    expect(chosen.sample.port).to.equal(next.port)
    expect(chosen.issuer.port).to.be.greaterThan(next.port)
    await Promise.all([chosen.release(), squatter.release()])
    forget()
  })
})

/** @returns a free port and the one above it */
async function holdNeighbours(): Promise<[HeldPort, HeldPort]> {
  for (;;) {
    const one = await holdPort(await freePort())
    const other = await holdPort(one.port + 1)
    if (other.port === one.port + 1) return [one, other]
    await Promise.all([one.release(), other.release()])
  }
}
