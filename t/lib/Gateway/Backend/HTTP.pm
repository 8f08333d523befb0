package Gateway::Backend::HTTP;

=head1 NAME

Gateway::Backend::HTTP - the script of a well-behaved HTTP/1.1 backend

=head1 DESCRIPTION

See "HTTP HANDLERS" in L<Gateway::Backend>. The echo, which answers what no
handler answered, is JSON:

  {"method", "target", "version", "headers": [[name, value]], "body",
   "body_length", "complete", "framing", "trailers", "problems",
   "conn", "nth", "seq", "tls": {...}}

with "body" only up to 64 KiB.

=cut

use strict;
use warnings;
use JSON::PP ();
use Scalar::Util qw(reftype);

sub script {
    my ($handler, %opt) = @_;
    my $limit = defined $opt{keepalive} && !$opt{keepalive} ? 1
        : $opt{max_requests};
    return sub {
        my ($conn) = @_;
        while (my $req = $conn->read_head($opt{idle} || 30)) {
            die "not a request: $req->{start}\n" if $req->method eq '';
            $conn->send("HTTP/1.1 100 Continue\r\n\r\n")
                if ($req->header('expect') // '') =~ /100-continue/i
                && !$opt{no_continue};
            $conn->read_body($req) unless $opt{lazy_body};
            $conn->record_request($req) if $opt{lazy_body};
            my $last = _wants_close($req) || $limit && $req->{nth} >= $limit;
            my $answer = _answer($handler, $req);
            return if !ref $answer && $answer eq 'close';
            return unless $conn->sock;
            $last = 1 if ref $answer && _send($conn, $req, $answer, $last);
            return if $last || !$req->complete;
        }
    };
}

sub _wants_close {
    my ($req) = @_;
    my $tokens = join ',', $req->all('connection');
    return 1 if $tokens =~ /\bclose\b/i;
    return $req->version eq '1.0' && $tokens !~ /\bkeep-alive\b/i;
}

sub _answer {
    my ($handler, $req) = @_;
    my $answer = $handler;
    $answer = $handler->{ $req->{path} } // $handler->{'*'}
        if ref $handler eq 'HASH';
    $answer = $answer->($req) if ref $answer eq 'CODE';
    return $answer // [ 200, [ 'Content-Type' => 'application/json' ],
        echo($req) ];
}

sub echo {
    my ($req) = @_;
    my %seen = map { $_ => $req->{$_} } qw(method target version headers
        complete framing trailers problems nth seq);
    $seen{conn} = $req->{conn}->number;
    $seen{tls}  = $req->{conn}->tls_info;
    $seen{body_length} = $req->size;
    $seen{body} = $req->body if length $req->body <= 65536;
    return JSON::PP->new->latin1->canonical->encode(\%seen);
}

# Returns true when the connection must be closed behind the response.
sub _send {
    my ($conn, $req, $answer, $last) = @_;
    my ($status, $fields, $body) = @$answer;
    my @fields = @{ $fields || [] };
    my $close = $last;
    my ($head, $framed) = ('', 0);
    for (my $i = 0; $i < @fields; $i += 2) {
        $head .= "$fields[$i]: $fields[$i + 1]\r\n";
        $framed = 1
            if $fields[$i] =~ /\A(?:content-length|transfer-encoding)\z/i;
        $close = 1 if $fields[$i] =~ /\Aconnection\z/i
            && $fields[$i + 1] =~ /close/i;
    }
    $head .= "Connection: close\r\n" if $last && $head !~ /^connection:/mi;
    my $start = $status =~ /\D/ ? $status : "$status Fine";
    $body //= '';
    my $bodiless = $req->method eq 'HEAD' || $start =~ /\A(?:1|204|304)/;
    if ($framed || $bodiless) {
        $conn->send("HTTP/1.1 $start\r\n$head\r\n"
            . ($bodiless || ref $body ? '' : $body));
    }
    elsif (!ref $body) {
        $conn->send("HTTP/1.1 $start\r\n${head}Content-Length: "
            . length($body) . "\r\n\r\n$body");
        return $close;
    }
    else {
        $conn->send("HTTP/1.1 $start\r\n$head"
            . "Transfer-Encoding: chunked\r\n\r\n");
    }
    return $close if $bodiless || !ref $body;
    _send_pieces($conn, $body, !$framed);
    return $close;
}

sub _send_pieces {
    my ($conn, $body, $chunked) = @_;
    my $write = sub {
        my ($piece) = @_;
        return 1 if $piece eq '';
        return $conn->send($chunked
            ? sprintf("%x\r\n%s\r\n", length $piece, $piece) : $piece);
    };
    if (reftype $body eq 'CODE') {
        $body->($write);
    }
    else {
        $write->($_) or return for @$body;
    }
    $conn->send("0\r\n\r\n") if $chunked;
    return;
}

1;
