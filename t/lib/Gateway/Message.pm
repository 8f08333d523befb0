package Gateway::Message;

=head1 NAME

Gateway::Message - an HTTP/1.1 message exactly as it came over the wire

=head1 SYNOPSIS

  my $m = Gateway::Message->read_request($wire);
  my $m = Gateway::Message->read_response($wire, method => 'GET');

  $m->method $m->target $m->version              # requests
  $m->status $m->reason                          # responses
  $m->headers          # [[name, value], ...] in order, case kept
  $m->header('host')   # first value, or undef
  $m->all('via')       # all values in order
  $m->body             # decoded
  $m->framing          # none, length, chunked or close
  $m->complete         # the body came whole
  $m->size             # of the body, also when it was not kept
  $m->json             # the body, decoded
  $m->trailers  $m->chunks  $m->raw_head  $m->interim
  $m->problems         # what a strict reader objects to, [] is good

=head1 DESCRIPTION

The reader is strict: line ends other than CRLF, folded lines, spaces before
a colon, control characters, doubled or unequal Content-Length, both framings
at once and malformed chunks are written down in C<problems>. The message is
read as far as it makes sense all the same, so that a test can look at it.

With C<< sink => sub { my $piece = shift } >> (read_response, read_body) the
body goes to the code piece by piece and is not kept: for large ones.

=cut

use strict;
use warnings;

my $TOKEN = qr/[!#\$%&'*+\-.^_`|~0-9A-Za-z]+/;

sub method   { return $_[0]{method} }
sub target   { return $_[0]{target} }
sub version  { return $_[0]{version} }
sub status   { return $_[0]{status} }
sub reason   { return $_[0]{reason} }
sub headers  { return $_[0]{headers} }
sub body     { return $_[0]{body} }
sub framing  { return $_[0]{framing} }
sub complete { return $_[0]{complete} }
sub trailers { return $_[0]{trailers} }
sub chunks   { return $_[0]{chunks} }
sub raw_head { return $_[0]{raw_head} }
sub size     { return $_[0]{size} }
sub interim  { return $_[0]{interim} }
sub problems { return $_[0]{problems} }
sub why      { return $_[0]{why} }

sub all {
    my ($self, $name) = @_;
    return map { $_->[1] } grep { lc $_->[0] eq lc $name }
        @{ $self->{headers} };
}

sub json {
    my ($self) = @_;
    require JSON::PP;
    return JSON::PP->new->latin1->decode($self->{body});
}

sub header { return ($_[0]->all($_[1]))[0] }

# The names in order, lower case: for "nothing else was added".
sub names { return map { lc $_->[0] } @{ $_[0]{headers} } }

sub problem {
    my ($self, @text) = @_;
    push @{ $self->{problems} }, join '', @text;
    return;
}

sub parse_head {
    my ($class, $bytes) = @_;
    my $self = bless {
        raw_head => $bytes, headers => [], problems => [], trailers => [],
        chunks => [], interim => [], body => '', size => 0, framing => 'none',
        complete => 1, why => '',
    }, $class;
    $self->problem('empty line before the start line')
        if $bytes =~ s/\A(?:\r?\n)+//;
    $self->problem('line ends without CR') if $bytes =~ /(?<!\r)\n/;
    $self->problem('CR inside a line') if $bytes =~ /\r(?!\n)/;
    $self->problem('NUL or control character')
        if $bytes =~ /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;
    my @lines = split /\r?\n/, $bytes;
    $self->{start} = shift @lines // '';
    $self->{headers} = $self->_fields(@lines);
    return $self;
}

sub _fields {
    my ($self, @lines) = @_;
    my @fields;
    for my $line (@lines) {
        if ($line =~ /\A[ \t]/) {
            $self->problem("folded line: $line");
            $fields[-1][1] .= $line if @fields;
            next;
        }
        my ($name, $value) = $line =~ /\A([^:]*):[ \t]*(.*?)[ \t]*\z/s;
        if (!defined $name) {
            $self->problem("no colon: $line");
            next;
        }
        $self->problem("bad field name: '$name'")
            if $name !~ /\A$TOKEN\z/;
        push @fields, [ $name, $value ];
    }
    return \@fields;
}

# --- requests ----------------------------------------------------------

# The head alone. Undef at the end of the stream (see the wire's why).
sub read_request_head {
    my ($class, $wire, $seconds) = @_;
    my $bytes = $wire->read_head_bytes($seconds);
    return unless defined $bytes;
    my $self = $class->parse_head($bytes);
    if ($self->{start} =~ m{\A($TOKEN) (\S+) HTTP/(\d\.\d)\z}) {
        @$self{qw(method target version)} = ($1, $2, $3);
    }
    else {
        $self->problem("bad request line: $self->{start}");
        @$self{qw(method target version)} = ('', '', '');
    }
    $self->_decide_framing(0);
    $self->{complete} = 0 if $self->{framing} ne 'none';
    return $self;
}

sub read_request {
    my ($class, $wire, $seconds) = @_;
    my $self = $class->read_request_head($wire, $seconds) or return;
    $self->read_body($wire);
    return $self;
}

# --- responses ---------------------------------------------------------

sub read_response {
    my ($class, $wire, %opt) = @_;
    my (@interim, $self);
    while (1) {
        my $bytes = $wire->read_head_bytes($opt{timeout});
        return $class->_none($wire, @interim) unless defined $bytes;
        $self = $class->parse_head($bytes);
        $self->_status_line;
        last if $self->{status} !~ /\A1\d\d\z/ || $self->{status} eq '101';
        push @interim, $self;
        last if $opt{one};
    }
    pop @interim if @interim && $interim[-1] == $self;
    $self->{interim} = \@interim;
    $self->_decide_framing(1, $opt{method} || 'GET');
    $self->read_body($wire, $opt{sink}) unless $opt{head_only};
    return $self;
}

# What is returned when no response came: status 0 and the reason in why.
sub _none {
    my ($class, $wire, @interim) = @_;
    my $self = $class->parse_head('');
    $self->{raw_head} = $wire->buffered;
    @$self{qw(status reason version complete interim why problems)}
        = (0, '', '', 0, \@interim, $wire->why,
            [ 'no response: ' . $wire->why ]);
    return $self;
}

sub _status_line {
    my ($self) = @_;
    if ($self->{start} =~ m{\AHTTP/(1\.[01]) ([1-9]\d\d)(?: (.*))?\z}s) {
        @$self{qw(version status reason)} = ($1, $2, $3 // '');
        return;
    }
    $self->problem("bad status line: $self->{start}");
    @$self{qw(version status reason)} = ('', '-1', '');
    return;
}

# --- bodies ------------------------------------------------------------

sub _decide_framing {
    my ($self, $response, $method) = @_;
    my @length = map { split /\s*,\s*/, $_, -1 } $self->all('content-length');
    my @coding = $self->all('transfer-encoding');
    $self->problem('Content-Length given twice')
        if @{[ $self->all('content-length') ]} > 1 || @length > 1;
    $self->problem("bad Content-Length: '$_'")
        for grep { !/\A\d+\z/ } @length;
    $self->problem('Content-Length and Transfer-Encoding')
        if @length && @coding;
    my $bodiless = $response && ($method eq 'HEAD'
        || $self->{status} =~ /\A(?:1\d\d|204|304)\z/);
    if ($bodiless) {
        $self->problem("$self->{status} with a framing field")
            if (@length || @coding) && $self->{status} =~ /\A(?:1\d\d|204)/;
        return $self->{framing} = 'none';
    }
    if (@coding) {
        $self->problem("Transfer-Encoding: @coding")
            if @coding > 1 || lc $coding[0] ne 'chunked';
        $self->problem('Transfer-Encoding in HTTP/1.0')
            if $self->{version} eq '1.0';
        return $self->{framing} = 'chunked';
    }
    if (@length) {
        $self->{length} = $length[0] =~ /\A\d+\z/ ? $length[0] : 0;
        return $self->{framing} = 'length';
    }
    return $self->{framing} = $response ? 'close' : 'none';
}

sub read_body {
    my ($self, $wire, $sink) = @_;
    $self->{sink} = $sink;
    my $read = $self->can("_read_$self->{framing}");
    $self->{complete} = 0;
    $self->$read($wire);
    $self->{why} = $wire->why unless $self->{complete};
    return $self->{body};
}

sub _read_none { $_[0]{complete} = 1; return }

# Moves up to n bytes of the body out of the wire; true if all of them came.
sub _take {
    my ($self, $wire, $n) = @_;
    while ($n > 0) {
        my $piece = $wire->take($n);
        if ($piece eq '') {
            $wire->fill or return 0;
            next;
        }
        $n -= length $piece;
        $self->{size} += length $piece;
        if ($self->{sink}) {
            $self->{sink}->($piece);
        }
        else {
            $self->{body} .= $piece;
        }
    }
    return 1;
}

sub _read_length {
    my ($self, $wire) = @_;
    $self->{complete} = $self->_take($wire, $self->{length});
    return;
}

sub _read_close {
    my ($self, $wire) = @_;
    1 while $self->_take($wire, 65536);
    $self->{complete} = $wire->eof_state eq 'eof' ? 1 : 0;
    return;
}

sub _read_chunked {
    my ($self, $wire) = @_;
    while (1) {
        my $line = $wire->read_line // return;
        if ($line !~ /\A([0-9A-Fa-f]{1,15})((?:[ \t]*;[^\r\n]*)?)\r\n\z/) {
            return $self->problem("bad chunk size line: $line");
        }
        my $size = hex $1;
        $self->{extensions} .= $2;
        last if $size == 0;
        $self->_take($wire, $size) or return;
        push @{ $self->{chunks} }, $size;
        my $end = $wire->read_n(2) // return;
        return $self->problem('no CRLF after chunk data') if $end ne "\r\n";
    }
    my @lines;
    while (1) {
        my $line = $wire->read_line // return;
        $self->problem('trailer line ends without CR')
            if $line !~ s/\r\n\z// && $line =~ s/\n\z//;
        last if $line eq '';
        push @lines, $line;
    }
    $self->{trailers} = $self->_fields(@lines);
    $self->{complete} = 1;
    return;
}

sub extensions { return $_[0]{extensions} // '' }

# For diagnostics.
sub as_string {
    my ($self) = @_;
    my $text = $self->{raw_head};
    $text .= length $self->{body} > 500
        ? substr($self->{body}, 0, 500) . '...' : $self->{body};
    $text .= "\n[$self->{framing}, "
        . ($self->{complete} ? 'complete' : "incomplete: $self->{why}") . ']';
    $text .= "\nproblem: $_" for @{ $self->{problems} };
    return $text;
}

1;
