// The help desk: who is a member, what each member may do, and for whom it takes two of them.
import { z } from '@nauthera/runtime/settings'

/** What a member of the help desk can be allowed. Each brings `look`. */
export const capabilities = ['look', 'unlock', 'reset', 'disable', 'invite', 'groups'] as const
export type Capability = (typeof capabilities)[number]

const groupName = z.string().min(1).max(200)
const groupNames = z.array(groupName).max(100).default([])

export const adminSettings = z
  .strictObject({
    group: groupName.describe('Members of this group may use the help desk at /admin, with a second factor.'),
    groupFrom: z
      .array(z.string().min(1).max(40))
      .min(1)
      .max(20)
      .default(['postgres'])
      .describe(
        'Where the groups of the help desk may come from: `postgres` for groups that were given here, or the id of a source or of an upstream provider. Who runs a listed one can make people members of the help desk.',
      ),
    capabilities: z
      .array(
        z.strictObject({
          group: groupName.describe('A group of the help desk: `admin.group`, or another one.'),
          may: z
            .array(z.enum(capabilities))
            .min(1)
            .max(capabilities.length)
            .describe(
              'What its members may do: `look` at people, applications and keys; `unlock`; `reset` passwords, second factors and linked sign-ins; `disable` and enable, and end sessions; `invite`; give and take `groups`. Each brings `look`.',
            ),
        }),
      )
      .max(20)
      .default([])
      .describe(
        'What members of a group may do at the help desk. Members of `admin.group` may do everything unless it is listed here; members of other groups in this list are members of the help desk, too.',
      ),
    protectedGroups: groupNames.describe(
      'Groups of administrators, from any source. To act on a member of one takes two members of the help desk: one asks, another confirms. The groups of the help desk are always protected.',
    ),
    assignableGroups: groupNames.describe(
      'Groups that the help desk may give to people who are of this service, and take from them. Never a group of the help desk.',
    ),
    actsPerHour: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('How many acts a member may do or ask for in an hour: invitations and severe acts count, too.'),
    severeActsPerHour: z.int().min(1).max(1000).default(20).describe('How many of them may be severe.'),
    notify: z
      .string()
      .max(320)
      .regex(/^(members|[^<>@\s,;:"\p{Cc}]+@[^<>@\s,;:"\p{Cc}]+)$/u, 'must be `members` or an e-mail address')
      .default('members')
      .describe(
        'Who gets a mail about each severe act: an e-mail address, or `members` for every member with an address. Members whom only a directory knows get none.',
      ),
  })
  .superRefine((admin, context) => {
    const groups = deskGroups(admin)
    admin.assignableGroups.forEach((name, n) => {
      if (!groups.includes(name)) return
      const message = 'is a group of the help desk, which the help desk never gives; remove it'
      context.addIssue({ code: 'custom', path: ['assignableGroups', n], message })
    })
  })
  .optional()
  .describe('The help desk. Without it there is none.')
export type AdminSettings = NonNullable<z.output<typeof adminSettings>>

interface NamesDeskGroups {
  readonly group: string
  readonly capabilities: readonly { readonly group: string }[]
}

/** The groups whose members may use the help desk. */
export const deskGroups = ({ group, capabilities: rows }: NamesDeskGroups): readonly string[] => [
  ...new Set([group, ...rows.map((row) => row.group)]),
]
