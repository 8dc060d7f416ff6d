import { expect } from 'chai'
import { namespace } from './chain-clients.ts'
import type { Chain } from './chain.ts'
import type { Load } from './load.ts'
import { replay } from './replay.ts'

/** Replays what was acknowledged, then looks for planted secrets (I6). The load must have ended. */
export async function checkInvariants(chain: Chain, load: Load): Promise<void> {
  await replay(chain, load)
  await searchPlanted(chain)
}

async function searchPlanted({ stack, planted, lines }: Chain): Promise<void> {
  const { api, pods } = stack
  const shown = new Map<string, string>([['log', lines.join('\n')]])
  for (const plural of ['oidcclients', 'events']) {
    shown.set(plural, JSON.stringify(api.store.all(api.resource(plural), namespace)))
  }
  shown.set('pods', JSON.stringify(api.store.all(api.resource('pods'), 'nauthera')))
  for (const { name, managementPorts } of pods) {
    for (const port of Object.values(managementPorts)) {
      shown.set(`metrics of ${name}`, await (await fetch(`http://127.0.0.1:${port}/metrics`)).text())
    }
  }
  for (const [place, text] of shown) {
    for (const secret of planted) {
      const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '')
      expect(text.includes(secret) || text.includes(base64), `I6 ${place} shows a secret`).to.equal(false)
    }
  }
}
