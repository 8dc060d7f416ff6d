import { readFileSync, statSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import { parse } from 'yaml'
import { chart, containersOf, helms, objectsOf, podsOf, renderNow, runHelm } from './support/render.ts'

describe('the package', () => {
  for (const helm of helms) {
    it(`of ${helm} is below 200 KB, holds what it needs and renders the same`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'nauthera-package-'))
      try {
        await runHelm(helm, ['package', chart, '--destination', directory])
        const archive = join(directory, (await readdir(directory))[0]!)
        expect(statSync(archive).size).to.be.lessThan(200_000)
        execFileSync('tar', ['-xzmf', archive, '-C', directory])
        const unpacked = join(directory, 'nauthera')
        expect(await readdir(unpacked)).not.to.include('ci')
        for (const mode of ['minimal', 'everything']) {
          expect(await renderNow({ helm, mode, directory: unpacked })).to.equal(await renderNow({ helm, mode }))
        }
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    })
  }
})

describe('Chart.yaml', () => {
  it('lists every definition that is rendered', async () => {
    const { annotations } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as {
      annotations: Record<string, string>
    }
    const listed = parse(annotations['artifacthub.io/crds']!) as { name: string }[]
    const rendered = (await objectsOf({ mode: 'everything' })).filter(({ kind }) => kind === 'CustomResourceDefinition')
    expect(listed.map(({ name }) => name)).to.have.members(rendered.map(({ metadata }) => metadata.name))
    expect(listed).to.not.have.length(0)
  })

  it('lists the images that are rendered, and the newest changes', async () => {
    const { annotations } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as {
      annotations: Record<string, string>
    }
    const listed = (parse(annotations['artifacthub.io/images']!) as { image: string }[]).map(({ image }) => image)
    const pods = podsOf(await objectsOf({ mode: 'ha-sentinel' }))
    expect([...new Set(pods.flatMap(({ spec }) => containersOf(spec).map(({ image }) => image)))]).to.have.members(
      listed,
    )
    const changes = parse(annotations['artifacthub.io/changes']!) as { kind: string; description: string }[]
    expect(changes.length).to.be.greaterThan(0)
    for (const { kind } of changes)
      expect(['added', 'changed', 'deprecated', 'removed', 'fixed', 'security']).to.include(kind)
  })
})
