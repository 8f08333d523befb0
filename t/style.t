#!/usr/bin/perl
# Holds the tree to its own rules: layers, budgets, banned calls, form. Each
# check lists every place that breaks it as FILE:LINE: what.
#
#     prove t/style.t            everything
#     STYLE_ONLY=layers prove t/style.t
use strict;
use warnings;
use Test::More;
use File::Basename qw(basename dirname);
use File::Find ();
use File::Spec ();

chdir dirname(dirname(File::Spec->rel2abs(__FILE__))) or die "chdir: $!";

# Functions may have 120 lines; who needs more stands here with the reason.
my %LONG_FUNCTION = ();

# The order of the layers: a file includes from its own or an earlier one.
my @LAYERS = qw(base http net exchange conf drive event);
my %LAYER  = map { $LAYERS[$_] => $_ } 0 .. $#LAYERS;

# Budgets of DESIGN: median, 95th percentile, most; lines of a file.
my ($FN_MEDIAN, $FN_P95, $FN_MAX, $FILE_WARN, $FILE_MAX)
    = (20, 75, 120, 900, 1500);
my $COLUMNS = 79;

my @BANNED = qw(
    sprintf vsprintf strcpy strcat strtok atoi atol atof gets alloca
    gethostbyname gethostbyaddr assert sleep usleep nanosleep apr_sleep
);

# --- the files ---------------------------------------------------------------

sub tree {
    my @all;
    if (-e '.git') {
        my $list = "git -c safe.directory='*' ls-files -z -co"
            . ' --exclude-standard 2>/dev/null';
        @all = split /\0/, qx($list);
    }
    @all = () if $?;
    if (!@all) {
        File::Find::find({
            no_chdir => 1,
            wanted   => sub {
                $File::Find::prune = 1 if m{^\./(?:build|\.git)$};
                push @all, s{^\./}{}r if -f;
            },
        }, '.');
    }
    return sort grep { -f && !-l } @all;
}

my %TEXT;

sub text {
    my ($file) = @_;
    return $TEXT{$file} //= do {
        open my $fh, '<:raw', $file or die "$file: $!";
        local $/;
        <$fh> // '';
    };
}

# The code of a C file with comments and literals blanked, lines kept.
my %CODE;

sub code {
    my ($file) = @_;
    return $CODE{$file} //= do {
        my $c = text($file);
        $c =~ s{
            (/\*.*?\*/) | ("(?:\\.|[^"\\\n])*") | ('(?:\\.|[^'\\\n])+')
        }{
            my $t = $&;
            my $blank = $t =~ s/[^\n]/ /gr;
            defined $1 ? $blank : (substr($blank, 0, 1) = '"',
                substr($blank, -1) = '"', $blank)[-1];
        }gsex;
        $c;
    };
}

my @files   = tree();
my @c_all   = grep { /\.[ch]$/ } @files;
my @product = grep {
    m{^(?:gateway|balancer|include)/.*\.[ch]$} || m{^mod_\w+\.c$}
} @c_all;
my @headers = grep { /\.h$/ } @product;
my @scripts = grep { /\.(?:pl|pm|t|sh)$/ || m{^(?:\.ci|bench|t)/run$} } @files;

# --- reporting ---------------------------------------------------------------

my @found;

sub found {
    my ($file, $line, $what) = @_;
    push @found, [$file, $line, $what];
}

sub check {
    my ($id, $name, $code) = @_;
    return if $ENV{STYLE_ONLY} && $ENV{STYLE_ONLY} ne $id;
    @found = ();
    $code->();
    ok(!@found, "$id: $name");
    my $most = 40;
    for my $f (@found[0 .. ($#found < $most ? $#found : $most - 1)]) {
        diag(sprintf '%s:%d: %s', @$f);
    }
    diag('... and ', @found - $most, ' more') if @found > $most;
}

sub each_line {
    my ($text, $visit) = @_;
    my $n = 0;
    $visit->($_, ++$n) for split /\n/, $text, -1;
}

# --- functions, from ctags ---------------------------------------------------

my (%functions, %prototypes, @lengths);

sub ctags {
    my (@of) = @_;
    open my $fh, '-|', 'ctags', '--quiet=yes', '--options=NONE', '-n',
        '--languages=C', '--langmap=C:.c.h', '--kinds-C=fp', '--fields=+neKf',
        '-I', 'AP_DECLARE_MODULE+', '--sort=no', '-f', '-', @of
        or return 0;
    while (<$fh>) {
        chomp;
        my ($name, $file, undef, @more) = split /\t/;
        next if $name =~ /^!/;
        my $kind = shift @more;
        my %f = map { /^(\w+):(.*)$/s ? ($1, $2) : () } @more;
        my $item = {
            name => $name, file => $file, line => $f{line},
            end  => $f{end} // $f{line}, static => exists $f{file},
        };
        if ($kind eq 'function') {
            push @{ $functions{$file} }, $item;
        }
        elsif ($kind eq 'prototype') {
            push @{ $prototypes{$name} }, $item;
        }
    }
    return close $fh;
}

sub function_at {
    my ($file, $line) = @_;
    for my $f (@{ $functions{$file} || [] }) {
        return $f if $line >= $f->{line} && $line <= $f->{end};
    }
    return;
}

my $have_ctags = !@product || ctags(@product);
ok($have_ctags, 'ctags ran (package universal-ctags)');

# --- the checks --------------------------------------------------------------

# Where the headers of the tree lie, by base name.
my %place;
for my $h (grep { /\.h$/ } @c_all) {
    $place{ basename($h) } = $h;
}

# httpd's own headers; APR's may be used anywhere.
my $HTTPD_H = qr{^(?:httpd|http_\w+|ap_\w+|util_\w+|scoreboard|mpm_common
    |heartbeat|mod_\w+)\.h$}x;

sub may_include {
    my ($file, $header) = @_;
    return 1 if $header =~ m{^include/};
    my ($from) = $file =~ m{^gateway/(\w+)/};
    my ($to)   = $header =~ m{^gateway/(\w+)/};
    if (defined $from) {
        return defined $to && defined $LAYER{$to}
            && $LAYER{$to} <= ($LAYER{$from} // -1);
    }
    if ($file eq 'mod_gateway.c') {
        return defined $to;
    }
    return $header =~ m{^(?:balancer|gateway/base)/};
}

check('layers', 'files include only from their own and earlier layers', sub {
    for my $file (@product) {
        each_line(text($file), sub {
            my ($line, $n) = @_;
            $line =~ /^\s*#\s*include\s*([<"])([^>"]+)[>"]/ or return;
            my ($how, $header) = ($1, $2);
            if ($how eq '"') {
                my $at = $place{ basename($header) };
                found($file, $n, "$header is none of ours, use <>") if !$at;
                found($file, $n, "$header is in $at, which this layer must"
                    . ' not know') if $at && !may_include($file, $at);
                found($file, $n, "write \"" . basename($header) . '"')
                    if $header =~ m{/};
            }
            elsif ($header =~ $HTTPD_H
                && $file =~ m{^gateway/(\w+)/}
                && ($LAYER{$1} // 99) < $LAYER{conf}) {
                found($file, $n, "$header: no httpd below conf");
            }
        });
    }
});

check('folders', 'every source lies in a folder that is built', sub {
    for my $file (@product) {
        found($file, 1, 'unknown layer')
            if $file =~ m{^gateway/(?:(\w+)/)?}
            && !(defined $1 && exists $LAYER{$1});
        my ($same) = grep { basename($_) eq basename($file) && $_ ne $file }
            @product;
        found($file, 1, "has the name of $same") if $same;
        found($file, 1, 'deeper than the Makefile looks')
            if $file =~ m{^gateway/.*/.*/} || $file =~ m{^balancer/.*/};
    }
});

check('paragraph', 'every header opens by saying what it is', sub {
    for my $file (@headers, grep { /\.h$/ && m{^t/} } @c_all) {
        my ($p) = text($file) =~ m{\A/\*\*?\s(.*?)\*/}s;
        found($file, 1, 'must open with a comment: what it is, who owns it,'
            . ' which thread may call')
            if !defined $p || length($p =~ s/[\s*]+/ /gr) < 120;
    }
});

check('length', "no function over $FN_MAX lines, no file over $FILE_MAX", sub {
    for my $file (sort keys %functions) {
        for my $f (@{ $functions{$file} }) {
            my $lines = $f->{end} - $f->{line} + 1;
            push @lengths, $lines if $file =~ /\.c$/;
            next if $LONG_FUNCTION{ $f->{name} };
            my $what = "$f->{name}() has $lines lines";
            if ($lines > $FN_MAX) {
                found($file, $f->{line}, $what);
            }
            elsif ($lines > $FN_P95) {
                note("$file:$f->{line}: $what, aim at $FN_P95");
            }
        }
    }
    for my $file (@c_all) {
        my $lines = text($file) =~ tr/\n//;
        found($file, $lines, "$lines lines") if $lines > $FILE_MAX;
        note("$file: $lines lines, aim at $FILE_WARN")
            if $lines > $FILE_WARN && $lines <= $FILE_MAX;
    }
});

check('budget', "functions: median $FN_MEDIAN lines, 95% within $FN_P95", sub {
    my @sorted = sort { $a <=> $b } @lengths;
    return if @sorted < 40;    # too few to say anything
    my $median = $sorted[ int(@sorted / 2) ];
    my $p95    = $sorted[ int(@sorted * 0.95) ];
    note(@sorted . " functions, median $median, p95 $p95, most $sorted[-1]");
    found('gateway', 0, "median $median lines") if $median > $FN_MEDIAN;
    found('gateway', 0, "95th percentile $p95 lines") if $p95 > $FN_P95;
});

check('form', "no tabs, $COLUMNS columns, clean line ends", sub {
    for my $file (@c_all, @scripts) {
        my $text = text($file);
        found($file, 1, 'does not end with a line end')
            if length $text && $text !~ /\n\z/;
        found($file, 1, 'has CR line ends') if $text =~ /\r\n/;
        each_line($text, sub {
            my ($line, $n) = @_;
            found($file, $n, 'tab') if $line =~ /\t/;
            found($file, $n, 'blank at the end') if $line =~ /[ \t]$/;
            utf8::decode($line);
            found($file, $n, length($line) . ' columns')
                if length($line) > $COLUMNS;
        });
    }
});

check('braces', 'else and the brace of a function on their own lines', sub {
    for my $file (@c_all) {
        each_line(code($file), sub {
            my ($line, $n) = @_;
            found($file, $n, 'cuddled else') if $line =~ /^\s*\}\s*else\b/;
            found($file, $n, 'brace of a function')
                if $line =~ /^[a-z_][^=#]*\)\s*\{\s*$/i
                && $line !~ /^(?:typedef|struct|union|enum)\b/
                && $line !~ /\\$/;
            found($file, $n, '// comment') if $line =~ m{//};
            found($file, $n, 'char* p instead of char *p')
                if $line =~ /\b(?:char|void|int|apr_\w+_t|gw_\w+)\* +\w/;
        });
    }
});

check('banned', 'no banned call', sub {
    my $banned = join '|', @BANNED;
    for my $file (@product) {
        each_line(code($file), sub {
            my ($line, $n) = @_;
            found($file, $n, "$1()") if $line =~ /(?<![\w.>])($banned)\s*\(/;
        });
    }
});

check('goto', 'no goto goes up', sub {
    for my $file (grep { /\.c$/ } @product) {
        my %label;    # function's first line, name => line
        my @jumps;
        each_line(code($file), sub {
            my ($line, $n) = @_;
            my $f = function_at($file, $n) or return;
            $label{"$f->{line} $1"} = $n
                if $line =~ /^\s*(\w+)\s*:(?!:)/ && $1 ne 'default';
            push @jumps, ["$f->{line} $1", $n]
                if $line =~ /\bgoto\s+(\w+)\s*;/;
        });
        for my $j (@jumps) {
            found($file, $j->[1], 'goto goes up')
                if ($label{ $j->[0] } // 1e9) < $j->[1];
        }
    }
});

check('declared', 'every function that is not static is in a header', sub {
    my %in_header = map { $_->{name} => 1 }
        grep { $_->{file} =~ /\.h$/ } map { @$_ } values %prototypes;
    for my $file (grep { /\.c$/ } sort keys %functions) {
        for my $f (@{ $functions{$file} }) {
            next if $f->{static} || $in_header{ $f->{name} };
            found($file, $f->{line}, "$f->{name}() is neither static nor"
                . ' declared in a header');
        }
    }
});

check('documented', 'every function of a header has a comment', sub {
    for my $p (map { @{ $prototypes{$_} } } sort keys %prototypes) {
        next if $p->{file} !~ /\.h$/;
        my @lines = split /\n/, text($p->{file});
        # up through the group of declarations that the comment is for
        my $at = $p->{line} - 2;
        --$at while $at >= 0 && $lines[$at] =~ /\S/
            && $lines[$at] !~ m{\*/\s*$};
        found($p->{file}, $p->{line}, "$p->{name}() has no comment")
            if $at < 0 || $lines[$at] !~ m{\*/\s*$};
    }
});

check('state', 'one function writes the state of a machine', sub {
    for my $file (grep { m{/gw_(?:exchange|conn)\.c$} } @product) {
        my %writer;
        each_line(code($file), sub {
            my ($line, $n) = @_;
            return if $line !~ /->state\s*=[^=]/;
            my $f = function_at($file, $n);
            $writer{ $f ? $f->{name} : '?' } = $n;
        });
        my @w = grep { !/create|init|new|reset/ } sort keys %writer;
        next if @w < 2;
        found($file, $writer{$_}, "$_() also writes ->state") for @w;
    }
});

# The table of blocks in gw_log.h: first, last, who.
sub number_blocks {
    my @blocks;
    my ($log_h) = grep { m{/gw_log\.h$} } @product or return;
    my ($table) = text($log_h) =~ m{\A(/\*.*?\*/)}s;
    while ($table =~ /\b(\d{5})-(\d{5})?[ ]+(\w[\w., ]*?)(?=[ ]{2,}|\n)/g) {
        push @blocks, [$1, $2 // 99999, [split /[, ]+/, $3]];
    }
    return @blocks;
}

# May a file use a number of this block? Yes when the block names it, its
# folder or a unit of its folder.
sub in_block {
    my ($file, $block) = @_;
    my $folder = $file =~ /balancer/ ? 'balancer' : basename(dirname($file));
    my $unit = basename($file) =~ s/\.[ch]$//r;
    return grep {
        $_ eq $unit || $_ eq basename($file) || $_ eq $folder
            || dirname($place{"$_.h"} // '?') eq dirname($file)
    } @{ $block->[2] };
}

check('numbers', 'message numbers are unique, in a block of gw_log.h', sub {
    my %seen;
    my @blocks = number_blocks();
    for my $file (grep { !m{/gw_log\.h$} } @product) {
        my @mine = grep { in_block($file, $_) } @blocks;
        each_line(text($file), sub {
            my ($line, $n) = @_;
            while ($line =~ /\bGWNO\(([^)]*)\)/g) {
                my $no = $1;
                found($file, $n, "GWNO($no) needs five digits")
                    if $no !~ /^\d{5}$/;
                found($file, $n, "GWNO($no) is used at $seen{$no}")
                    if $seen{$no};
                found($file, $n, "GWNO($no) is in no block of this file")
                    if !grep { $no ge $_->[0] && $no le $_->[1] } @mine;
                $seen{$no} = "$file:$n";
            }
        });
    }
});

check('paths', 'no path or name of one machine', sub {
    my $machine = join '|', map { "/$_\\b" } 'work/(?:main|shared)',
        'home/\w+/\w+';
    for my $file (@files) {
        next if !-T $file || $file eq 'LICENSE';
        each_line(text($file), sub {
            my ($line, $n) = @_;
            found($file, $n, $1) if $line =~ m{(?<![\w.])((?:$machine)\S*)};
        });
    }
});

check('exports', 'a module exports its record and nothing else', sub {
    my $build = $ENV{BUILD} // 'build';
    for my $so (glob "$build/mod_*.so") {
        my ($want) = basename($so) =~ /^mod_(\w+)\.so$/;
        my @got = map { (split)[-1] } qx(nm -D --defined-only $so);
        found($so, 0, "exports $_") for grep { $_ ne "${want}_module" } @got;
        found($so, 0, "lacks ${want}_module")
            if !grep { $_ eq "${want}_module" } @got;
    }
});

done_testing();
