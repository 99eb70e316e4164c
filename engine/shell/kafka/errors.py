"""What Kafka's errors mean to us: the one place where they become our faults."""

from __future__ import annotations

from aiokafka import errors

from engine.core.faults import CorruptedLog, Fenced, RecordTooLarge, RetoldError, Unavailable

#: What any call of a client may raise.
KAFKA_ERRORS = (errors.KafkaError, errors.IllegalOperation, OSError, TimeoutError)

_FENCED = (errors.ProducerFenced, errors.InvalidProducerEpoch, errors.TransactionCoordinatorFenced)
_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_FORBIDDEN = (
    errors.TopicAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
)
_NOT_LOGGED_IN = (errors.AuthenticationFailedError, errors.SaslAuthenticationFailed)
_UNREADABLE = (errors.CorruptRecordException, errors.UnsupportedCodecError)


def fault_of(error: Exception, doing: str) -> RetoldError:
    """The fault that an error of Kafka is, when it came of `doing` (a noun: "an append to events/1").

    What may pass is Unavailable: also a producer that is spent, for a new one is made after it.
    """
    if isinstance(error, RetoldError):
        return error
    text = str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        text = "no answer in time"
    if isinstance(error, _FENCED):
        return Fenced(f"expected to be the writer, got {doing} refused: {text}; recover")
    if isinstance(error, _TOO_LARGE):
        return RecordTooLarge(f"expected {doing} to fit, got: {text}; raise max.message.bytes of the topic")
    if isinstance(error, _FORBIDDEN):
        return RetoldError(f"expected to be allowed {doing}, got: {text}; add the access list entry with kafka-acls")
    if isinstance(error, _NOT_LOGGED_IN):
        return RetoldError(f"expected to log in to Kafka for {doing}, got: {text}; look at kafka.saslPassword")
    if isinstance(error, _UNREADABLE):
        return CorruptedLog(f"expected {doing} to give whole records, got: {text}; restore the topic")
    return Unavailable(f"expected {doing}, got from Kafka: {text}; retry")
