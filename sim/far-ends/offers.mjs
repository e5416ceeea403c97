// What becomes of a description on its way, and how much of a browser's is kept.

/** Without the redundancy of RFC 2198, which names Opus by its number. */
export const OPUS_OR_PCMU = ['audio/opus', 'audio/PCMU', 'audio/telephone-event'];
export const PCMU = ['audio/PCMU', 'audio/telephone-event'];

export function withoutSsrc(sdp) {
  return sdp.replaceAll(/a=(ssrc|ssrc-group|msid|msid-semantic)[: ].*\r\n/g, '');
}

/** No mid and no group, the old name of the profile, ICE and DTLS attributes for the session. */
export function likeFreeswitch(sdp) {
  const common = /a=(?:ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n/g;
  const session = [...new Set(sdp.match(common))].join('');
  return withoutSsrc(sdp)
    .replaceAll(/a=(mid|group|extmap|rtcp|ice-options):.*\r\n/g, '')
    .replaceAll(/a=(extmap-allow-mixed|rtcp-rsize)\r\n/g, '')
    .replaceAll(common, '')
    .replace('UDP/TLS/RTP/SAVPF', 'RTP/SAVPF')
    .replace('s=-', 's=FreeSWITCH')
    .replace('m=audio', `${session}m=audio`);
}

/** Keys at this clock alone, whatever the speech has. */
export function keysAt(clock) {
  const other = clock === 8_000 ? 48_000 : 8_000;
  return (sdp) => {
    const number = new RegExp(`a=rtpmap:(\\d+) telephone-event/${other}\r\n`).exec(sdp)?.[1];
    if (!number) throw new Error(`no keys at ${other} Hz are offered`);
    return sdp
      .replace(/^m=audio .*$/m, (line) => line.replace(new RegExp(` ${number}\\b`), ''))
      .replaceAll(new RegExp(`a=(rtpmap|fmtp):${number} .*\r\n`, 'g'), '');
  };
}

/** Another end than the agent begins the handshake. */
export function active(sdp) {
  return sdp.replaceAll('a=setup:actpass', 'a=setup:active');
}

/** Asks for pauses that are not sent (RFC 7587 section 6.1). */
export function usingDtx(sdp) {
  return sdp.replace(/^(a=fmtp:\d+ .*useinbandfec=1)/m, '$1;usedtx=1');
}

/** The types of the candidates in a description. */
export function candidateTypes(sdp) {
  return [...sdp.matchAll(/^a=candidate:.* typ (\w+)/gm)].map(([, type]) => type);
}
