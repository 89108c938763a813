//! What keeps a patient from something.

use countersign_member::gateway::GatewayError;
use countersign_messages::{ClaimError, NetworkId, SheetError};

/// Why something was not done. No message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum PatientError {
    /// A letter or request.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A sheet.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// A gateway.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// No gateway was named.
    #[error("no gateway is named: give the address of one of the network's with --url")]
    NoGateway,
    /// A gateway of another network.
    #[error("{gateway} is of another network than the file ({network:?}); ask the hospital for an address")]
    OtherNetwork {
        /// Which.
        gateway: String,
        /// The sheet's.
        network: NetworkId,
    },
    /// No slot has one of the keys, as far as the gateways say.
    #[error(
        "no gateway that answered has a slot with a key of this sheet. A hospital enrols keys with its next anchor; ask another gateway, too. If it is not there after a week, the ethics board takes complaints"
    )]
    NotEnrolled,
    /// A receipt that the chain does not bear out.
    #[error(
        "the receipt does not hold: {0}. Ask another gateway; if none bears it out, leave again with your sheet, and tell the ethics board"
    )]
    Receipt(&'static str),
    /// The hospital took the slot out.
    #[error(
        "your record left by the hospital's hand, and not by your key: there is nothing to take back. Ask at the counter what is meant"
    )]
    LeftOtherwise,
    /// A record that is not what was anchored. The hospital that showed it, or whoever changed the file, is at fault.
    #[error(
        "the record does not hold: {0}. Do not rely on it: ask the hospital for another one, and tell the ethics board if that does not hold either"
    )]
    Record(&'static str),
    /// It was sent, and no gateway shows it in a block yet.
    #[error("the withdrawal was sent and no gateway shows it in a block yet; run the same again to look, nothing is done twice")]
    Waiting,
}

impl PatientError {
    /// True if something else must be given; false if the same may work another time.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Gateway(GatewayError::Url { .. }) => true,
            Self::Gateway(_) | Self::Waiting => false,
            _ => true,
        }
    }
}
