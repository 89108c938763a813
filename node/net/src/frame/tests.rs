use super::*;
use proptest::prelude::*;

fn message(kind: Kind, id: u32, length: usize) -> Message {
    Message { kind, id, bytes: (0..length).map(|i| (i % 251) as u8).collect() }
}

const PARTS: Kind = Kind::Channel(Channel::Parts);

#[test]
fn messages_of_every_boundary_length_are_read_back() {
    for length in [0, 1, PIECE_BYTES_MAX - 1, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1, 3 * PIECE_BYTES_MAX, 512 << 10] {
        let message = message(PARTS, 0, length);
        let bytes = message.encode();
        assert_eq!(bytes.len(), length + HEADER_BYTES * length.div_ceil(PIECE_BYTES_MAX).max(1));
        assert_eq!(decode(&bytes), Ok(vec![message]));
    }
}

#[test]
fn every_kind_has_its_byte_and_its_bound() {
    for byte in 0..=255u8 {
        match Kind::from_byte(byte) {
            Some(kind) => {
                assert_eq!(kind.byte(), byte);
                assert_eq!(decode(&message(kind, 0, kind.bytes_max()).encode()).map(|m| m.len()), Ok(1));
                assert_eq!(decode(&message(kind, 0, kind.bytes_max() + 1).encode()), Err(FrameError::TooLarge { kind }));
            }
            None => {
                assert!(usize::from(byte) >= KINDS);
                assert_eq!(decode(&[byte, 1, 0, 0, 0, 0, 0, 0]), Err(FrameError::UnknownKind(byte)));
            }
        }
    }
}

#[test]
fn a_message_has_exactly_one_form() {
    let full = FULL.to_le_bytes();
    // a piece that is not full and not the last
    assert_eq!(decode(&[6, 0, 0, 0, 0, 0, 1, 0, 9]), Err(FrameError::Cut(PARTS)));
    // an empty last piece after a full one
    let mut bytes = vec![6, 0, 0, 0, 0, 0, full[0], full[1]];
    bytes.resize(HEADER_BYTES + PIECE_BYTES_MAX, 0);
    bytes.extend([6, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(decode(&bytes), Err(FrameError::Cut(PARTS)));
    assert_eq!(decode(&[6, 2, 0, 0, 0, 0, 0, 0]), Err(FrameError::Flag(2)));
    assert_eq!(decode(&[6, 1, 1, 0, 0, 0, 0, 0]), Err(FrameError::WrongId { kind: PARTS, id: 1 }));
    assert_eq!(decode(&[6, 1, 0, 0, 0, 0, 255, 255]), Err(FrameError::PieceTooLarge(65535)));
}

#[test]
fn a_message_of_a_kind_ends_before_the_next_begins() {
    let (mut first, mut second) = (Cutter::new(message(Kind::Request, 1, 20_000)), Cutter::new(message(Kind::Request, 2, 20_000)));
    let (a, b) = (first.next_piece().unwrap(), second.next_piece().unwrap());
    let bytes = [&a.0[..], &a.1, &b.0, &b.1].concat();
    assert_eq!(decode(&bytes), Err(FrameError::WrongId { kind: Kind::Request, id: 2 }));
}

#[test]
fn kinds_alternate_and_the_short_one_is_whole_first() {
    let (big, vote) = (message(PARTS, 0, 40_000), message(Kind::Channel(Channel::Consensus), 0, 100));
    let mut cutter = Cutter::new(big.clone());
    let mut bytes = Vec::new();
    let mut put = |(header, payload): ([u8; HEADER_BYTES], Bytes)| bytes.extend([&header[..], &payload].concat());
    put(cutter.next_piece().unwrap());
    put(Cutter::new(vote.clone()).next_piece().unwrap());
    while let Some(piece) = cutter.next_piece() {
        put(piece);
    }
    assert_eq!(decode(&bytes), Ok(vec![vote, big]));
}

#[test]
fn memory_grows_with_what_arrives() {
    let mut assembler = Assembler::new();
    let header = Header { kind: Kind::Response, last: false, id: 7, length: FULL };
    assert_eq!(assembler.take(&header, &[0; 5]), Err(FrameError::Truncated));
    assert_eq!(assembler.unfinished_bytes(Kind::Response), 0);
    for n in 1..=2000 {
        assert_eq!(assembler.take(&header, &[0; PIECE_BYTES_MAX]), Ok(None));
        assert_eq!(assembler.unfinished_bytes(Kind::Response), n * PIECE_BYTES_MAX);
    }
    let error = (0..2000).find_map(|_| assembler.take(&header, &[0; PIECE_BYTES_MAX]).err());
    assert_eq!(error, Some(FrameError::TooLarge { kind: Kind::Response }));
    assert!(assembler.unfinished_bytes(Kind::Response) <= RESPONSE_BYTES_MAX);
}

fn any_message() -> impl Strategy<Value = Message> {
    (0..KINDS as u8, any::<u32>(), 0..50_000usize).prop_map(|(kind, id, length)| {
        let kind = Kind::from_byte(kind).unwrap();
        message(kind, if kind.has_id() { id } else { 0 }, length.min(kind.bytes_max()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(messages in prop::collection::vec(any_message(), 0..6), cut in any::<prop::sample::Index>()) {
        let bytes: Vec<u8> = messages.iter().flat_map(Message::encode).collect();
        prop_assert_eq!(decode(&bytes), Ok(messages.clone()));
        // a prefix gives whole messages of the front, or is noticed
        if !bytes.is_empty() {
            let cut = cut.index(bytes.len());
            if let Ok(front) = decode(&bytes[..cut]) {
                prop_assert!(front.len() < messages.len());
                prop_assert_eq!(&front[..], &messages[..front.len()]);
            }
        }
    }

    #[test]
    fn what_is_read_from_noise_is_written_the_same(bytes in prop::collection::vec(0..12u8, 0..64)) {
        if let Ok(messages) = decode(&bytes) {
            prop_assert_eq!(messages.iter().flat_map(Message::encode).collect::<Vec<u8>>(), bytes);
        }
    }
}
