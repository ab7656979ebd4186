import { createStreamsBuilder, nullable, serdes } from 'mto'

type Login = { readonly memberId: string; readonly device: string | null }

export function topology() {
  const builder = createStreamsBuilder()
  const devices = builder
    .stream('logins', { key: serdes.string, value: serdes.json<Login>() })
    // The new key makes toTable go through a repartition topic.
    .map((_loginId, { memberId, device }) => ({ key: memberId, value: device }), {
      key: serdes.string,
      value: nullable(serdes.string),
    })
    .toTable({ name: 'devices', store: 'last-device' })
  devices.toStream().to('device-changes')
  return builder.build()
}
