create table city (id int primary key, name text not null);
create index on city (name);
