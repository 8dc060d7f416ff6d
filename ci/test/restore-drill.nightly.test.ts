import { expect } from 'chai'
import { releaseNamespace } from '@nauthera/local/product/stack'
import { readBackup } from '@nauthera/stand-in/backup'
import type { Backup } from '@nauthera/stand-in/backup'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { Drill, apps, count, fill, untilReady } from './support/drill-site.ts'
import type { DrillCounts, Held } from './support/drill-site.ts'

// A site is lost and put up anew from its backup, as the runbook says, with real processes: what people and programs can do is counted
// before and after. The table is in docs/runbooks/restore.md.

describe('a site that is lost and comes back from its backup', function () {
  this.timeout(240_000)
  let drill: Drill
  let held: Held
  let backup: Backup

  const isApplicationSecret = ({ kind, metadata }: KubeObject) => kind === 'Secret' && metadata.namespace === apps

  before(async () => {
    drill = await Drill.open()
    const stack = await drill.startSite('before')
    try {
      const counted = await count(stack, await fill(stack))
      drill.columns['before'] = counted.counts
      held = counted.held
      backup = readBackup(stack.api, [apps, releaseNamespace])
    } finally {
      await stack.stop()
    }
  })
  after(() => void process.stdout.write(drill.table()))

  /** Everything new, from the copy of the database and the objects. */
  const lose = async (name: string, objects: Backup, isRestored = false): Promise<DrillCounts> => {
    drill.copyDatabase('before', name)
    await drill.writeObjects(name, objects)
    if (isRestored) await drill.runOn(name, drill.at('before/pods/server-0/keys'), ['migrate', 'restored', '--yes'])
    const stack = await drill.startSite(name)
    try {
      await untilReady(stack)
      const { counts } = await count(stack, held)
      drill.columns[name] = counts
      return counts
    } finally {
      await stack.stop()
    }
  }

  it('F43 with the Secrets of applications nothing is lost, and nobody is refused', async () => {
    expect(await lose('with application Secrets', backup)).to.deep.equal(drill.columns['before'])
  })

  it('F43 without them programs get new secrets, old ones are refused, and people stay signed in', async () => {
    const objects = backup.filter((object) => !isApplicationSecret(object))
    expect(await lose('without them', objects)).to.deep.equal({
      ...drill.columns['before'],
      'programs that get a token with the secret of before': '0/3',
      'consents that stand': '0/24',
      'refreshes that succeed': '0/24',
      // those of programs: they name the client by its id
      'access tokens that are active': '3/21',
      'answers of /token and /introspect': '24 x 200, 24 x 400, 3 x 401',
    })
  })

  it('F43 with an older database, sessions and refresh tokens end, and consents stay', async () => {
    expect(await lose('with them, and `migrate restored`', backup, true)).to.deep.equal({
      ...drill.columns['before'],
      'sessions that live, asked at each application': '0/24',
      'refreshes that succeed': '0/24',
      'access tokens that are active': '0/21',
      'answers of /token and /introspect': '27 x 200, 24 x 400',
    })
  })
})
