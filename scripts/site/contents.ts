// Where each page of docs/ stands in the site: sections in the order in which a reader needs them.
import { globSync } from 'node:fs'

interface Section {
  readonly title: string
  /** Paths and patterns of the repository, in the order of the menu. */
  readonly pages: readonly string[]
  /** A long section has a menu of its own, which the pages of this folder show; all others show its first page. */
  readonly folder?: string
}

/** 95 kB that help whoever has the files before them. */
export const leftOut = 'docs/tree.md'

const sections: readonly Section[] = [
  { title: 'Start', pages: ['README.md', 'docs/README.md'] },
  {
    title: 'Tutorials',
    // as a reader goes through them
    pages: [
      'docs/tutorials/README.md',
      'docs/tutorials/first-client.md',
      'docs/tutorials/a-secret-rotates-under-load.md',
      'docs/tutorials/a-cluster-in-five-minutes.md',
      'docs/tutorials/an-api-of-another-team.md',
      'docs/tutorials/a-pod-without-a-secret.md',
      'docs/tutorials/a-policy-that-catches-a-mistake.md',
      'docs/tutorials/clients-from-git.md',
      'docs/tutorials/two-clusters.md',
      'docs/tutorials/people-from-a-directory.md',
      'docs/tutorials/*.md',
    ],
  },
  { title: 'How to', pages: ['docs/how-to/README.md', 'docs/how-to/*.md'] },
  { title: 'Integrations', pages: ['docs/integrations/README.md', 'docs/integrations/*.md'], folder: 'integrations' },
  { title: 'Concepts', pages: ['docs/concepts/README.md', 'docs/concepts/*.md', 'docs/glossary.md'] },
  {
    title: 'Clients',
    pages: [
      'docs/secretless.md',
      'docs/mutual-tls.md',
      'docs/agents.md',
      'docs/kubectl.md',
      'docs/logout.md',
      'docs/pairwise.md',
      'docs/token-exchange.md',
      'docs/authorization-details.md',
      'docs/fapi.md',
    ],
  },
  { title: 'People', pages: ['docs/people.md', 'docs/people-*.md', 'docs/branding.md'] },
  {
    title: 'Operation',
    pages: [
      'docs/keys.md',
      'docs/audit.md',
      'docs/backup.md',
      'docs/sizing.md',
      'docs/database.md',
      'docs/hardening.md',
      'charts/nauthera/UPGRADING.md',
    ],
  },
  { title: 'Runbooks', pages: ['docs/runbooks/*.md'], folder: 'runbooks' },
  {
    title: 'Reference',
    pages: [
      'docs/fields.md',
      'docs/policy-rules.md',
      'docs/conditions.md',
      'docs/errors.md',
      'docs/metrics.md',
      'docs/alerts.md',
      'docs/traces.md',
      'docs/settings.md',
      'docs/cli.md',
      'docs/plugin.md',
      'docs/defaults.md',
      'docs/protocol.md',
    ],
  },
  { title: 'Security', pages: ['SECURITY.md', 'docs/trusted.md', 'docs/threat-model*.md', 'docs/invariants.md'] },
  {
    title: 'Project',
    pages: [
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'STYLE.md',
      'docs/release.md',
      'docs/libraries.md',
      'docs/e2e.md',
      'docs/concepts/drawings/README.md',
      'docs/faults.md',
      'docs/measurements*.md',
      'docs/measurements/*.md',
    ],
  },
  { title: 'Decisions', pages: ['docs/adr/README.md', 'docs/adr/*.md'], folder: 'adr' },
  // a new page is shown before somebody gives it a place
  { title: 'More', pages: ['docs/**/*.md'] },
]

/** @returns each section with its pages that are there; a page that several patterns meet stands at the first */
export function readContents(): (Omit<Section, 'pages'> & { readonly pages: readonly string[] })[] {
  const placed = new Set<string>()
  return sections
    .map((section) => {
      const pages = section.pages
        .flatMap((pattern) => globSync(pattern).toSorted())
        .filter((page) => !placed.has(page) && page !== leftOut)
      for (const page of pages) placed.add(page)
      return { ...section, pages: [...new Set(pages)] }
    })
    .filter(({ pages }) => pages.length > 0)
}
